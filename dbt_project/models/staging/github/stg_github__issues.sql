select
    repository_id,
    number,
    created_at,
    {{ utc_day('created_at') }} as day,
    closed_at,
    state,
    author_key,
    coalesce(is_bot, false) as is_bot,
    updated_at

from {{ source('github', 'issues') }}

where created_at < {{ as_of() }}
