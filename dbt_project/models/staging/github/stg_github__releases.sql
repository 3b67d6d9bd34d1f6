select
    repository_id,
    tag,
    created_at,
    published_at,
    is_draft,
    is_prerelease,
    author_key

from {{ source('github', 'releases') }}

where created_at is null or created_at < {{ as_of() }}
