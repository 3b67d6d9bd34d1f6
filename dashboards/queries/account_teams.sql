-- Each team of an account in one period.
-- tables: metrics.team_activity
select *
from metrics.team_activity
where
    account_id = $account_id
    and period_days = cast($period_days as integer)
    and period_end = cast($period_end as date)
    and has_data
order by team_id
