select
    component,
    probe,
    checked_at,
    status,
    latency_ms,
    loaded_at

from {{ source('status', 'checks') }}

where checked_at < {{ as_of() }}
