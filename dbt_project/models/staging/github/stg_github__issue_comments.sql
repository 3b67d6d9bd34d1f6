select
    repository_id,
    comment_id,
    number,
    created_at,
    author_key,
    coalesce(is_bot, false) as is_bot

from {{ source('github', 'issue_comments') }}

where created_at < {{ as_of() }}
