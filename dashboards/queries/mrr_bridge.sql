-- Monthly recurring revenue from opening to closing, month by month, for one segment.
-- tables: metrics.mrr_bridge
select *
from metrics.mrr_bridge
where segment = $segment
order by month
