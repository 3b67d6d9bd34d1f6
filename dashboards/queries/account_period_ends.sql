-- The published period ends of one account, newest first.
-- tables: metrics.account_activity
select
    period_end,
    is_provisional
from metrics.account_activity
where
    account_id = $account_id
    and period_days = cast($period_days as integer)
    and has_data
order by period_end desc
