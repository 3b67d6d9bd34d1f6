select
    component,
    {{ utc_day('checked_at') }} as day,
    cast(count(*) as bigint) as checks,
    max(loaded_at) as last_loaded_at

from {{ ref('stg_status__checks') }}

group by component, {{ utc_day('checked_at') }}
