-- The published period ends of one team, newest first.
-- tables: metrics.team_activity
select
    period_end,
    is_provisional
from metrics.team_activity
where
    team_id = $team_id
    and period_days = cast($period_days as integer)
    and has_data
order by period_end desc
