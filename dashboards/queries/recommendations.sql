-- What became of a team's recommendations in one period: by surface and model, and of all of them (`*`).
-- tables: metrics.team_recommendations
select *
from metrics.team_recommendations
where
    team_id = $team_id
    and period_days = cast($period_days as integer)
    and period_end = cast($period_end as date)
order by
    surface,
    model
