select
    incident_id,
    title,
    impact,
    status,
    components,
    started_at,
    resolved_at,
    updated_at

from {{ source('status', 'incidents') }}

where started_at < {{ as_of() }}
