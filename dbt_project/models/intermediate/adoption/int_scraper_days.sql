{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='day') }}

with

touched as (

    {{ touched_days() }}

),

rules as (

    select
        more_than_searches,
        more_than_percent,
        page_sizes,
        valid_from,
        lead(valid_from) over (order by valid_from) as valid_to

    from {{ reference('scraper_rules') }} as rules

),

searches as (

    select
        events.day,
        kinds.kind,
        case
            when kinds.kind = 'ip_prefix' then events.ip_prefix
            when {{ is_person('events.actor_key') }} then events.actor_key
        end as scraper,
        rules.more_than_searches,
        rules.more_than_percent,
        -- A number that no page has room for is none of its sizes.
        case
            when events.result_count between 0 and 1000000
                then
                    concat('|', rules.page_sizes, '|')
                    like concat('%|', cast(cast(events.result_count as bigint) as text), '|%')
            else false
        end as is_page_full

    from {{ ref('stg_registry__events') }} as events

    inner join touched
        on {{ is_of_day('events.created_at', 'events.day', 'touched') }}

    inner join rules
        on events.day >= rules.valid_from and (rules.valid_to is null or events.day < rules.valid_to)

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

    group by day, kind, scraper, more_than_searches, more_than_percent

    having
        count(*) > more_than_searches
        and 100 * sum(case when is_page_full then 1 else 0 end) > more_than_percent * count(*)

),

left_out as (

    -- Of an actor and an address that both scrape, the actor's events are the actor's.
    select
        events.day,
        case when actors.day is null then 'ip_prefix' else 'actor' end as kind,
        case when actors.day is null then prefixes.scraper else actors.scraper end as scraper,
        count(*) as events

    from {{ ref('stg_registry__events') }} as events

    left join scrapers as actors
        on events.day = actors.day and actors.kind = 'actor' and events.actor_key = actors.scraper

    left join scrapers as prefixes
        on events.day = prefixes.day and prefixes.kind = 'ip_prefix' and events.ip_prefix = prefixes.scraper

    -- Joined last, as in `touched_skill_events`.
    inner join touched
        on {{ is_of_day('events.created_at', 'events.day', 'touched') }}

    where actors.day is not null or prefixes.day is not null

    group by
        events.day,
        case when actors.day is null then 'ip_prefix' else 'actor' end,
        case when actors.day is null then prefixes.scraper else actors.scraper end

)

select
    scrapers.day,
    scrapers.kind,
    scrapers.scraper,
    cast(coalesce(left_out.events, 0) as bigint) as events,
    false as is_day_mark,
    cast(null as bigint) as day_events,
    cast(null as {{ timestamp_type() }}) as day_loaded_at

from scrapers

left join left_out
    on scrapers.day = left_out.day and scrapers.kind = left_out.kind and scrapers.scraper = left_out.scraper

union all

select
    day,
    cast(null as text) as kind,
    cast(null as text) as scraper,
    cast(0 as bigint) as events,
    true as is_day_mark,
    cast(events as bigint) as day_events,
    last_loaded_at as day_loaded_at

from touched
