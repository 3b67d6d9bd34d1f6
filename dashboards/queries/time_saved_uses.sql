-- The uses of a team in one period per assumption that they fall under, most uses first.
-- tables: metrics.team_time_saved_uses
select *
from metrics.team_time_saved_uses
where
    team_id = $team_id
    and period_days = cast($period_days as integer)
    and period_end = cast($period_end as date)
    and assumption_set = $assumption_set
order by
    coalesce(successes, 0) desc,
    assumption_name
