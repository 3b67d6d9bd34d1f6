select
    'signal' as part,
    signal as name,
    weight,
    cast(null as double precision) as from_score,
    cast(null as double precision) as to_score,
    {{ metric_columns() }}

from {{ reference('quality_weights') }} as quality_weights

union all

select
    'tier' as part,
    tier as name,
    cast(null as double precision) as weight,
    from_score,
    to_score,
    {{ metric_columns() }}

from {{ reference('quality_bands') }} as quality_bands
