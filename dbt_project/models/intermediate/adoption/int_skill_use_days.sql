{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='day',
    indexes=found_by(['day'], ['is_day_mark'])
) }}

with

touched as (

    {{ touched_days() }}

),

events as (

    {{ touched_skill_events() }}

),

uses as (

    select
        day,
        actor_key,
        skill_name_given,
        success

    from events

    where
        event_type = 'telemetry:skill_invoke'
        and is_user_initiated

)

select
    day,
    actor_key,
    skill_name_given,
    cast(count(*) as bigint) as uses,
    cast(sum(case when success then 1 else 0 end) as bigint) as successes,
    cast(sum(case when not success then 1 else 0 end) as bigint) as failures,
    cast(sum(case when success is null then 1 else 0 end) as bigint) as unknown,
    false as is_day_mark,
    cast(null as bigint) as day_events,
    cast(null as {{ timestamp_type() }}) as day_loaded_at

from uses

group by day, actor_key, skill_name_given

union all

select
    day,
    -- Nobody: Citus puts a row where its person is, so there has to be a value.
    '' as actor_key,
    cast(null as text) as skill_name_given,
    cast(0 as bigint) as uses,
    cast(0 as bigint) as successes,
    cast(0 as bigint) as failures,
    cast(0 as bigint) as unknown,
    true as is_day_mark,
    cast(events as bigint) as day_events,
    last_loaded_at as day_loaded_at

from touched
