-- Every file that was imported or refused, the newest first.
-- tables: ops.import_ledger
select
    started_at,
    source,
    entity,
    file_name,
    outcome,
    rows_seen,
    rows_loaded,
    rows_merged,
    rows_quarantined,
    bytes,
    finished_at,
    error
from ops.import_ledger
order by
    started_at desc,
    source,
    entity,
    file_name
