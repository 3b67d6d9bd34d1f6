-- The newest standing of every objective over the whole fleet.
-- tables: metrics.slo_status
select *
from metrics.slo_status
where
    account_id = '*'
    and as_of = (select max(newest.as_of) from metrics.slo_status as newest where newest.account_id = '*')
order by objective
