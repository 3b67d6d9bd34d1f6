with

event_days as (

    select * from {{ ref('int_event_days') }}

),

audit_days as (

    select
        day,
        row_count as events,
        last_loaded_at

    from {{ default__raw_days('registry_audit_logs', ref('stg_registry__audit_logs'), 'created_at') }} as entries

),

days as (

    select
        day,
        events,
        last_loaded_at,
        rule_changes

    from event_days

    union all

    select
        day,
        events,
        last_loaded_at,
        0 as rule_changes

    from audit_days

    union all

    -- An entry near midnight may be an event of the day before or after.
    select
        audit_days.day,
        event_days.events,
        audit_days.last_loaded_at,
        0 as rule_changes

    from audit_days

    cross join (values (-1), (1)) as beside (days)

    inner join event_days
        on event_days.day = audit_days.day + beside.days

)

select
    day,
    cast(sum(events) as bigint) as events,
    -- Again, for a later entry would hide that the rule is another.
    max(last_loaded_at) + cast(sum(rule_changes) as bigint) * interval '1 microsecond' as last_loaded_at

from days

group by day
