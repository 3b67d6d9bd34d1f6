select
    repository_id,
    full_name,
    snapshot_day,
    stars,
    forks,
    watchers,
    open_issues,
    topics,
    license,
    is_archived,
    pushed_at,
    default_branch,
    loaded_at

from {{ source('github', 'repositories') }}

where {{ day_start('snapshot_day') }} < {{ as_of() }}
