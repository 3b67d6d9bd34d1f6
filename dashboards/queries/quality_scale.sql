-- What each signal of quality weighs, and where each tier begins.
-- tables: metrics.quality_scale
select *
from metrics.quality_scale
order by
    part,
    weight desc,
    from_score desc,
    name
