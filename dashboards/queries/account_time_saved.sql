-- The modelled hours saved by each team of an account in one period.
-- tables: metrics.team_time_saved
select *
from metrics.team_time_saved
where
    account_id = $account_id
    and period_days = cast($period_days as integer)
    and period_end = cast($period_end as date)
    and assumption_set = $assumption_set
order by team_id
