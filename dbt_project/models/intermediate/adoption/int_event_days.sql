with

events as (

    select * from {{ ref('stg_registry__events') }}

)

select
    day,
    cast(count(*) as bigint) as events,
    max(loaded_at) as last_loaded_at

from events

group by day
