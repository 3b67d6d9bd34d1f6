{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='day',
    pre_hook="{{ forget_days_before(window_start(window_lengths() | max)) }}"
) }}

with

touched as (

    {{ touched_days(window_start(window_lengths() | max), last_complete_day()) }}

),

scrapers as (

    select * from {{ ref('int_scraper_days') }}

    where not is_day_mark

),

counted as (

    select
        events.day,
        events.actor_key,
        events.skill_name_given,
        case
            when events.event_type = 'telemetry:skill_invoke' then 'sdk_version'
            when events.event_type = 'telemetry:skill_uninstall' then 'uninstalled'
            when events.success then 'installed'
            when not events.success then 'install_error'
            else 'install_unknown'
        end as breakdown,
        -- `*` stands for all values, whatever a client calls its version.
        case
            when events.event_type = 'telemetry:skill_invoke' then coalesce(nullif(events.sdk_version, '*'), 'unknown')
            when events.event_type = 'telemetry:skill_install' and not events.success
                then coalesce(nullif(events.error_code, '*'), 'unknown')
            else '*'
        end as value

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
        and (
            (events.event_type = 'telemetry:skill_invoke' and events.is_user_initiated)
            -- What an administrator rolls out, or takes back, is nobody's own install.
            or (
                coalesce(events.source, '') <> 'admin_bulk'
                and (
                    events.event_type = 'telemetry:skill_install'
                    or (events.event_type = 'telemetry:skill_uninstall' and coalesce(events.success, true))
                )
            )
        )
        and scraping_actors.day is null
        and scraping_prefixes.day is null

)

select
    day,
    actor_key,
    skill_name_given,
    breakdown,
    value,
    cast(count(*) as bigint) as events,
    false as is_day_mark,
    cast(null as bigint) as day_events,
    cast(null as {{ timestamp_type() }}) as day_loaded_at

from counted

group by day, actor_key, skill_name_given, breakdown, value

union all

select
    day,
    -- Nobody: Citus puts a row where its person is, so there has to be a value.
    '' as actor_key,
    cast(null as text) as skill_name_given,
    cast(null as text) as breakdown,
    cast(null as text) as value,
    cast(0 as bigint) as events,
    true as is_day_mark,
    cast(events as bigint) as day_events,
    last_loaded_at as day_loaded_at

from touched
