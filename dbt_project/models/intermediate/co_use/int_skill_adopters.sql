with

days as (

    select
        account_id,
        team_id,
        actor_key,
        skill_name,
        day,
        successes > 0 as is_accepted

    from {{ ref('int_team_skill_days') }}

    where day between {{ window_start(co_use_days() + co_use_test_days()) }} and {{ last_complete_day() }}

),

suggestable_skills as (

    select skill_name from {{ ref('stg_registry__skills') }}

    group by skill_name

    having
        {{ is_public_skill() }}
        and not bool_or(coalesce(is_quarantined, false))
        and not bool_or(coalesce(has_critical_advisory, false))

)

select
    days.account_id,
    days.team_id,
    days.actor_key,
    days.skill_name,
    bool_or(
        days.is_accepted and days.day < {{ window_start(co_use_test_days()) }}
    ) as was_accepted_before,
    bool_or(
        days.is_accepted and days.day >= {{ window_start(co_use_test_days()) }}
    ) as was_accepted_lately,
    bool_or(days.is_accepted and days.day >= {{ window_start(co_use_days()) }}) as is_accepted,
    bool_or(days.day >= {{ window_start(co_use_days()) }}) as is_used

from days

inner join suggestable_skills
    on days.skill_name = suggestable_skills.skill_name

group by days.account_id, days.team_id, days.actor_key, days.skill_name
