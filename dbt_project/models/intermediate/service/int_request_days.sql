select
    {{ utc_day('started_at') }} as day,
    cast(count(*) as bigint) as requests,
    max(loaded_at) as last_loaded_at

from {{ ref('stg_registry__api_requests') }}

group by {{ utc_day('started_at') }}
