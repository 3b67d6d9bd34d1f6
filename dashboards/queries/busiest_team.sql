-- The team with the most active people in the newest 28 days, for the demo to open on.
-- tables: metrics.team_activity
select team_id
from metrics.team_activity
where period_days = 28
order by
    period_end desc,
    active_users desc,
    team_id
limit 1
