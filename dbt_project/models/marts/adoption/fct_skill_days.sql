{{ config(materialized='view') }}

with

skill_days as (

    select * from {{ ref('int_team_skill_days') }}

)

select
    account_id,
    team_id,
    actor_key,
    skill_name,
    is_resolved,
    day,
    uses,
    successes,
    failures,
    unknown,
    computed_at

from skill_days
