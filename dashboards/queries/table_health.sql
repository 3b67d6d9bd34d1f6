-- Every published table: until when it has data, and the badge that it earned.
-- tables: metrics.table_health
select *
from metrics.table_health
order by table_name
