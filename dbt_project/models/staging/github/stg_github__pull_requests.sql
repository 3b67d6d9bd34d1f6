select
    repository_id,
    number,
    created_at,
    merged_at,
    closed_at,
    state,
    author_key,
    is_bot,
    updated_at

from {{ source('github', 'pull_requests') }}

where created_at is null or created_at < {{ as_of() }}
