with

days as (

    select
        day,
        events,
        last_loaded_at

    from {{ ref('int_event_days') }}

    union all

    select
        day,
        row_count as events,
        last_loaded_at

    from {{ default__raw_days('registry_audit_logs', ref('stg_registry__audit_logs'), 'created_at') }} as entries

)

select
    day,
    cast(sum(events) as bigint) as events,
    max(last_loaded_at) as last_loaded_at

from days

group by day
