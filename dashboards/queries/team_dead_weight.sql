-- Skills that somebody seated at a period's end has installed and nobody used in the period, most widely installed first.
-- tables: metrics.team_installed_skills
select *
from metrics.team_installed_skills
where
    team_id = $team_id
    and period_end = cast($period_end as date)
    and (used_within_days is null or used_within_days > cast($period_days as integer))
order by
    coalesce(installed_people, 0) desc,
    skill_name
