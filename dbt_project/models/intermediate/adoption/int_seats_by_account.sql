{#- On Citus int_seat_spans lies on every worker, for joins by person; what counts seats needs each at one place. -#}
{{ config(materialized='table' if target.name == 'citus' else 'view') }}

with

seats as (

    select * from {{ ref('int_seat_spans') }}

)

select
    account_id,
    team_id,
    actor_key,
    first_day,
    last_day

from seats
