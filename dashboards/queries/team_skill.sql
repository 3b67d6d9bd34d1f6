-- A team's use of one skill in one period, the equal period before it, and every Sunday of the year before.
-- tables: metrics.team_skill_usage
select *
from metrics.team_skill_usage
where
    team_id = $team_id
    and skill_name = $skill_name
    and period_days = cast($period_days as integer)
    and period_end <= cast($period_end as date)
    and period_end > cast($period_end as date) - 371
    and (
        period_end = cast($period_end as date)
        or period_end = cast($period_end as date) - cast($period_days as integer)
        or extract(isodow from period_end) = 7
    )
order by period_end
