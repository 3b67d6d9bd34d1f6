select
    day,
    cast(row_count as bigint) as events,
    last_loaded_at

from {{ raw_days('registry_events', ref('stg_registry__events'), 'created_at') }} as days
