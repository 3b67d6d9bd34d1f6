select
    day,
    cast(row_count as bigint) as requests,
    last_loaded_at

from {{ raw_days('registry_api_requests', ref('stg_registry__api_requests'), 'started_at') }} as days
