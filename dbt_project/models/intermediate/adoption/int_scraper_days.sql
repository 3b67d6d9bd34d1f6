{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='day') }}

with

touched as (

    {{ touched_days() }}

),

searches as (

    select
        events.day,
        kinds.kind,
        case
            when kinds.kind = 'ip_prefix' then events.ip_prefix
            when {{ is_person('events.actor_key') }} then events.actor_key
        end as scraper,
        coalesce(events.result_count in (20, 50, 100), false) as is_page_full

    from {{ ref('stg_registry__events') }} as events

    inner join touched
        on {{ is_of_day('events.created_at', 'events.day', 'touched') }}

    cross join (values ('actor'), ('ip_prefix')) as kinds (kind)

    where events.event_type = 'search:metrics'

),

scrapers as (

    select
        day,
        kind,
        scraper

    from searches

    where scraper is not null

    group by day, kind, scraper

    having
        count(*) > 1000
        -- More than 95%, in whole numbers.
        and 100 * sum(case when is_page_full then 1 else 0 end) > 95 * count(*)

)

select
    day,
    kind,
    scraper,
    false as is_day_mark,
    cast(null as bigint) as day_events,
    cast(null as {{ timestamp_type() }}) as day_loaded_at

from scrapers

union all

select
    day,
    cast(null as text) as kind,
    cast(null as text) as scraper,
    true as is_day_mark,
    cast(events as bigint) as day_events,
    last_loaded_at as day_loaded_at

from touched
