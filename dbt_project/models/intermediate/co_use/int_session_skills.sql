{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='day',
    pre_hook="{{ forget_days_before(window_start(co_use_days())) }}"
) }}

with

touched as (

    {{ touched_days(window_start(co_use_days()), last_complete_day()) }}

),

scrapers as (

    select * from {{ ref('int_scraper_days') }}

    where not is_day_mark

)

-- What a person did under one session_id on one UTC day: a client that never changes it has a session a day.
select distinct
    events.day,
    events.actor_key,
    events.session_id,
    events.skill_name_given,
    false as is_day_mark,
    cast(null as bigint) as day_events,
    cast(null as {{ timestamp_type() }}) as day_loaded_at

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
    and events.session_id is not null
    and events.is_user_initiated
    and events.success
    and scraping_actors.day is null
    and scraping_prefixes.day is null

union all

select
    day,
    -- Nobody: Citus puts a row where its person is, so there has to be a value.
    '' as actor_key,
    cast(null as text) as session_id,
    cast(null as text) as skill_name_given,
    true as is_day_mark,
    cast(events as bigint) as day_events,
    last_loaded_at as day_loaded_at

from touched
