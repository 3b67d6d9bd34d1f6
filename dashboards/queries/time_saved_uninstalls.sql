-- The uninstalls of the skills that a team used with success in one of the newest periods; a hidden number of users is not none.
-- tables: metrics.team_skill_breakdown, metrics.team_skill_usage
select
    uninstalls.skill_name,
    uninstalls.people,
    uninstalls.events
from metrics.team_skill_breakdown as uninstalls
inner join metrics.team_skill_usage as usage
    on
        uninstalls.team_id = usage.team_id
        and uninstalls.skill_name = usage.skill_name
        and uninstalls.period_end = usage.period_end
        and uninstalls.period_days = usage.period_days
where
    uninstalls.team_id = $team_id
    and uninstalls.period_end = cast($period_end as date)
    and uninstalls.period_days = cast($period_days as integer)
    and uninstalls.breakdown = 'uninstalled'
    and coalesce(usage.users, 1) > 0
order by uninstalls.skill_name
