select
    rating_id,
    skill_id,
    actor_key,
    stars,
    created_at,
    {{ utc_day('created_at') }} as day

from {{ source('registry', 'skill_ratings') }}

where created_at < {{ as_of() }}
