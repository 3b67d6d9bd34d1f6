{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='day',
    indexes=found_by(['day'], ['is_day_mark'])
) }}

with

touched as (

    {{ touched_days(and_audited=true) }}

),

events as (

    {{ touched_skill_events(and_audited=true) }}

),

moments as (

    select
        day,
        actor_key,
        skill_name_given,
        case event_type
            when 'telemetry:recommendation_shown' then 'shown'
            when 'telemetry:recommendation_clicked' then 'clicked'
            when 'telemetry:skill_uninstall' then 'uninstalled'
            else case when source = 'admin_bulk' then 'rolled out' else 'installed' end
        end as kind,
        case
            when event_type in ('telemetry:recommendation_shown', 'telemetry:recommendation_clicked')
                then coalesce(surface, 'unknown')
        end as surface,
        case when event_type = 'telemetry:recommendation_shown' then coalesce(model, 'unknown') end as model,
        created_at

    from events

    where
        -- An install counts when it is known to have worked, an uninstall unless it is known to have failed.
        event_type in ('telemetry:recommendation_shown', 'telemetry:recommendation_clicked')
        or (event_type = 'telemetry:skill_install' and success)
        or (event_type = 'telemetry:skill_uninstall' and coalesce(success, true))

)

select
    day,
    actor_key,
    skill_name_given,
    kind,
    surface,
    model,
    -- An episode begins with a day's first impression; a click of that day has to come after it.
    case when kind = 'clicked' then max(created_at) else min(created_at) end as happened_at,
    false as is_day_mark,
    cast(null as bigint) as day_events,
    cast(null as {{ timestamp_type() }}) as day_loaded_at

from moments

group by
    day,
    actor_key,
    skill_name_given,
    kind,
    surface,
    model,
    -- What was installed when a recommendation was shown takes every change of a day to say.
    case when surface is null then created_at end

union all

select
    day,
    -- Nobody, as in the other facts of days.
    '' as actor_key,
    cast(null as text) as skill_name_given,
    cast(null as text) as kind,
    cast(null as text) as surface,
    cast(null as text) as model,
    cast(null as {{ timestamp_type() }}) as happened_at,
    true as is_day_mark,
    cast(events as bigint) as day_events,
    last_loaded_at as day_loaded_at

from touched
