-- Rows that wait in quarantine, by source, entity, file and reason; never the rows themselves.
-- tables: ops.quarantine_counts
select *
from ops.quarantine_counts
order by
    "rows" desc,
    source,
    entity,
    file_name,
    reason
