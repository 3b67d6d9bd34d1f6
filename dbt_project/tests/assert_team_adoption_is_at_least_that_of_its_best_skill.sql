-- Of what this build made: whoever used the best skill used some skill: a row here means that people were lost or counted twice.
with

best_skills as (

    select
        team_id,
        period_end,
        period_days,
        max(users) as users

    from {{ ref('team_skill_usage') }}

    where computed_at = {{ run_started_at_utc() }}

    group by team_id, period_end, period_days

)

select
    activity.team_id,
    activity.period_end,
    activity.period_days,
    activity.active_users,
    best_skills.users

from {{ ref('team_activity') }} as activity

inner join best_skills
    on
        activity.team_id = best_skills.team_id
        and activity.period_end = best_skills.period_end
        and activity.period_days = best_skills.period_days

where activity.active_users < best_skills.users
