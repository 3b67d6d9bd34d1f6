-- Every skill that a team used in one period, those with a success ranked, with its rank in the equal period before.
-- tables: metrics.team_skill_usage
select *
from metrics.team_skill_usage
where
    team_id = $team_id
    and period_days = cast($period_days as integer)
    and period_end = cast($period_end as date)
    and (usage_rank is not null or uses is null or uses > 0)
order by
    usage_rank nulls last,
    skill_name
