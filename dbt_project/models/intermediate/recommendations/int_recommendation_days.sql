{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='day') }}

with

touched as (

    {{ touched_days() }}

),

scrapers as (

    select * from {{ ref('int_scraper_days') }}

    where not is_day_mark

),

moments as (

    select
        events.day,
        events.actor_key,
        events.skill_name_given,
        case events.event_type
            when 'telemetry:recommendation_shown' then 'shown'
            when 'telemetry:recommendation_clicked' then 'clicked'
            when 'telemetry:skill_uninstall' then 'uninstalled'
            else case when events.source = 'admin_bulk' then 'rolled out' else 'installed' end
        end as kind,
        case
            when events.event_type in ('telemetry:recommendation_shown', 'telemetry:recommendation_clicked')
                then coalesce(events.surface, 'unknown')
        end as surface,
        case when events.event_type = 'telemetry:recommendation_shown' then coalesce(events.model, 'unknown') end as model,
        events.created_at

    from {{ ref('stg_registry__events') }} as events

    inner join touched
        on {{ is_of_day('events.created_at', 'events.day', 'touched') }}

    left join scrapers as scraping_actors
        on
            events.day = scraping_actors.day
            and scraping_actors.kind = 'actor'
            and events.actor_key = scraping_actors.scraper

    left join scrapers as scraping_prefixes
        on
            events.day = scraping_prefixes.day
            and scraping_prefixes.kind = 'ip_prefix'
            and events.ip_prefix = scraping_prefixes.scraper

    where
        {{ is_person('events.actor_key') }}
        and events.skill_name_given is not null
        -- An install counts when it is known to have worked, an uninstall unless it is known to have failed.
        and (
            events.event_type in ('telemetry:recommendation_shown', 'telemetry:recommendation_clicked')
            or (events.event_type = 'telemetry:skill_install' and events.success)
            or (events.event_type = 'telemetry:skill_uninstall' and coalesce(events.success, true))
        )
        and scraping_actors.day is null
        and scraping_prefixes.day is null

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
