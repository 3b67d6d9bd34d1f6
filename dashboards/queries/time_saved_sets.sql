-- A team's modelled hours of one period under every set of assumptions.
-- tables: metrics.team_time_saved
select *
from metrics.team_time_saved
where
    team_id = $team_id
    and period_days = cast($period_days as integer)
    and period_end = cast($period_end as date)
order by assumption_set
