-- What should have come and has not; overlaps, which merging took care of, are left out.
-- tables: ops.import_gaps
select
    source,
    entity,
    kind,
    "day",
    file_name,
    rows_expected,
    rows_found,
    detail,
    first_seen_at
from ops.import_gaps
where closed_at is null
order by
    "day" desc nulls last,
    source,
    entity,
    kind,
    file_name
