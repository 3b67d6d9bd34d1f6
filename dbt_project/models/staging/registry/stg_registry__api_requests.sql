select
    request_id,
    started_at,
    account_id,
    route,
    method,
    status_code,
    duration_ms,
    region,
    loaded_at

from {{ source('registry', 'api_requests') }}

where started_at < {{ as_of() }}
