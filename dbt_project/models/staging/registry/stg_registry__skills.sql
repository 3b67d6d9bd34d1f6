with

skills as (

    select * from {{ source('registry', 'skills') }}

)

select
    skill_id,
    skill_name,
    author,
    repo_url,
    categories,
    trust_tier,
    quality_score,
    security_score,
    has_critical_advisory,
    documentation_score,
    performance_score,
    compatibility,
    license,
    quarantined as is_quarantined,
    visibility,
    team_id,
    price_cents,
    created_at,
    updated_at,
    repo_updated_at

from skills

where created_at is null or created_at < {{ as_of() }}
