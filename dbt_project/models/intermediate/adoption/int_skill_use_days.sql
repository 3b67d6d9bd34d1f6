{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='day') }}

with

touched as (

    {{ touched_days() }}

),

scrapers as (

    select * from {{ ref('int_scraper_days') }}

    where not is_day_mark

),

uses as (

    select
        events.day,
        events.actor_key,
        events.skill_name_given,
        events.success

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
        events.event_type = 'telemetry:skill_invoke'
        and {{ is_person('events.actor_key') }}
        and events.skill_name_given is not null
        and events.is_user_initiated
        and scraping_actors.day is null
        and scraping_prefixes.day is null

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
