-- Skills that somebody seated at a period's end has installed, most widely installed first.
-- tables: metrics.team_installed_skills
select *
from metrics.team_installed_skills
where
    team_id = $team_id
    and period_end = cast($period_end as date)
order by
    coalesce(installed_people, 0) desc,
    skill_name
