-- The surfaces and models by which something was recommended to a team in the year up to a period's end.
-- tables: metrics.team_recommendations
select distinct
    surface,
    model
from metrics.team_recommendations
where
    team_id = $team_id
    and period_days = cast($period_days as integer)
    and period_end <= cast($period_end as date)
    and period_end > cast($period_end as date) - 371
order by
    surface,
    model
