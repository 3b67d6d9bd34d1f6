{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='day') }}

with

touched as (

    {{ touched_days(and_audited=true) }}

),

events as (

    {{ touched_skill_events(and_audited=true) }}

),

changes as (

    select
        day,
        actor_key,
        skill_name_given,
        case when event_type = 'telemetry:skill_install' then created_at end as installed_at,
        case when event_type = 'telemetry:skill_uninstall' then created_at end as uninstalled_at

    from events

    where
        -- An install counts when it is known to have worked, an uninstall unless it is known to have failed.
        (event_type = 'telemetry:skill_install' and success)
        or (event_type = 'telemetry:skill_uninstall' and coalesce(success, true))

)

select
    day,
    actor_key,
    skill_name_given,
    max(installed_at) as last_installed_at,
    max(uninstalled_at) as last_uninstalled_at,
    false as is_day_mark,
    cast(null as bigint) as day_events,
    cast(null as {{ timestamp_type() }}) as day_loaded_at

from changes

group by day, actor_key, skill_name_given

union all

select
    day,
    -- Nobody: Citus puts a row where its person is, so there has to be a value.
    '' as actor_key,
    cast(null as text) as skill_name_given,
    cast(null as {{ timestamp_type() }}) as last_installed_at,
    cast(null as {{ timestamp_type() }}) as last_uninstalled_at,
    true as is_day_mark,
    cast(events as bigint) as day_events,
    last_loaded_at as day_loaded_at

from touched
