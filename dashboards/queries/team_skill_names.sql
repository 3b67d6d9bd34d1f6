-- The skills that a team has used as far as is published, those with most people of late first.
-- tables: metrics.team_skill_usage
select
    usage.skill_name,
    min(case when usage.period_end = newest.period_end then usage.usage_rank end) as usage_rank
from metrics.team_skill_usage as usage
cross join (
    select max(ends.period_end) as period_end
    from metrics.team_skill_usage as ends
    where ends.team_id = $team_id
) as newest
where
    usage.team_id = $team_id
    and usage.period_days = 90
group by usage.skill_name
order by
    usage_rank nulls last,
    usage.skill_name
