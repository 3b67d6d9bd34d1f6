select
    id as event_id,
    type as event_type,
    created as created_seconds,
    {{ to_timestamp_utc('created') }} as created_at,
    {{ json_value('data', 'object') }} as object

from {{ source('billing', 'stripe_events') }}

where {{ to_timestamp_utc('created') }} < {{ as_of() }}
