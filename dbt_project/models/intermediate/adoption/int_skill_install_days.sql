{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='day') }}

with

touched as (

    {{ touched_days() }}

),

scrapers as (

    select * from {{ ref('int_scraper_days') }}

    where not is_day_mark

),

changes as (

    select
        events.day,
        events.actor_key,
        events.skill_name_given,
        case when events.event_type = 'telemetry:skill_install' then events.created_at end as installed_at,
        case when events.event_type = 'telemetry:skill_uninstall' then events.created_at end as uninstalled_at

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
            (events.event_type = 'telemetry:skill_install' and events.success)
            or (events.event_type = 'telemetry:skill_uninstall' and coalesce(events.success, true))
        )
        and scraping_actors.day is null
        and scraping_prefixes.day is null

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
