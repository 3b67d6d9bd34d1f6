-- An account's activity in one period, the equal period before it, and every Sunday of the year before.
-- tables: metrics.account_activity
select *
from metrics.account_activity
where
    account_id = $account_id
    and period_days = cast($period_days as integer)
    and has_data
    and period_end <= cast($period_end as date)
    and period_end > cast($period_end as date) - 371
    and (
        period_end = cast($period_end as date)
        or period_end = cast($period_end as date) - cast($period_days as integer)
        or extract(isodow from period_end) = 7
    )
order by period_end
