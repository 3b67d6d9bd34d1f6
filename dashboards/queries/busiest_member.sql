-- The person seated in a team who used skills most in the newest 28 days, for the demo to look as.
-- tables: marts.dim_team_members, marts.fct_person_windows
select windows.actor_key
from marts.dim_team_members as members
inner join marts.fct_person_windows as windows
    on members.actor_key = windows.actor_key
where
    members.team_id = $team_id
    and members.left_at is null
    and windows.period_days = 28
    and windows.skill_name = '*'
order by
    windows.active_days desc,
    windows.uses desc,
    windows.actor_key
limit 1
