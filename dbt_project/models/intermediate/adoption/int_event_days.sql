with

days as (

    select * from {{ raw_days('registry_events', ref('stg_registry__events'), 'created_at') }} as counted

),

rules as (

    select * from {{ ref('int_scraper_rules') }}

),

rule_changes as (

    -- Days of which another rule tells who scraped than the version before had.
    select
        greatest(rules.first_day, before.first_day) as first_day,
        -- The last rule has no day after it, which neither engine counts here.
        least(rules.day_after, before.day_after) as day_after

    from rules

    inner join rules as before
        on rules.version = before.version + 1 and rules.rule <> before.rule

)

select
    days.day,
    cast(days.row_count as bigint) as events,
    -- Another rule makes a day another, as a load does: whatever is kept by day sees it so.
    days.last_loaded_at + count(rule_changes.first_day) * interval '1 microsecond' as last_loaded_at,
    count(rule_changes.first_day) as rule_changes

from days

left join rule_changes
    on
        days.day >= rule_changes.first_day
        and (rule_changes.day_after is null or days.day < rule_changes.day_after)

group by days.day, days.row_count, days.last_loaded_at
