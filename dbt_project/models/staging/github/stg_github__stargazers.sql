select
    repository_id,
    actor_key,
    starred_at

from {{ source('github', 'stargazers') }}

where starred_at < {{ as_of() }}
