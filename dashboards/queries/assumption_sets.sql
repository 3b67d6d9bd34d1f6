-- The sets of assumptions that are in force and have both shares, without which no hours follow; the default one first.
-- tables: metrics.assumptions
select distinct
    assumption_set,
    case when assumption_set = 'default' then 0 else 1 end as place
from metrics.assumptions
where
    kept_low is not null
    and incremental_low is not null
order by
    place,
    assumption_set
