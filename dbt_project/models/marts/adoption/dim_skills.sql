with

skills as (

    select * from {{ ref('stg_registry__skills') }}

)

select
    skill_name,
    min(author) as author,
    cast(count(*) as bigint) as registry_skills,
    bool_or(coalesce(is_quarantined, false)) as is_quarantined,
    bool_or(coalesce(has_critical_advisory, false)) as has_critical_advisory,
    min(created_at) as created_at

from skills

group by skill_name
