-- No row text: what a source sent wrong may be a person's.
select
    source,
    entity,
    file_name,
    reason,
    cast(count(*) as bigint) as rows,
    min(first_seen_at) as first_seen_at,
    {{ metric_columns() }}

from {{ source('operations', 'quarantine') }}

where resolved_at is null

group by source, entity, file_name, reason
