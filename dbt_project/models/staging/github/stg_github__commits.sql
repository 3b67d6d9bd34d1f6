select
    repository_id,
    sha,
    authored_at,
    committed_at,
    author_key,
    is_bot

from {{ source('github', 'commits') }}

where committed_at is null or committed_at < {{ as_of() }}
