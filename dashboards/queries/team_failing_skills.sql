-- Skills of a team of whose uses with a known result, 20 or more in the period, a tenth or more failed; most first.
-- tables: metrics.team_skill_usage
select *
from metrics.team_skill_usage
where
    team_id = $team_id
    and period_days = cast($period_days as integer)
    and period_end = cast($period_end as date)
    and successes + failures >= 20
    and 10 * failures >= successes + failures
order by
    failures desc,
    skill_name
