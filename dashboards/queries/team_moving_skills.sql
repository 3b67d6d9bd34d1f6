-- Skills of a team that two people more or fewer used than in the equal period before; the greatest moves first.
-- tables: metrics.team_skill_usage
select *
from metrics.team_skill_usage
where
    team_id = $team_id
    and period_days = cast($period_days as integer)
    and period_end = cast($period_end as date)
    and abs(users - previous_users) >= 2
order by
    abs(users - previous_users) desc,
    users desc,
    skill_name
