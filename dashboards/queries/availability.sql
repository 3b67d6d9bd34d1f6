-- Availability by component and day over the last 30 days that have data, over the whole fleet.
-- tables: metrics.availability_daily
select *
from metrics.availability_daily
where
    account_id = '*'
    and day > (select max(newest.day) from metrics.availability_daily as newest) - 30
order by
    component,
    day
