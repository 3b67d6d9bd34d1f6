select
    id,
    type,
    created_at,
    actor_key,
    is_bot,
    repository_id,
    repository_name,
    payload

from {{ source('github', 'archive_events') }}

where created_at < {{ as_of() }}
