-- The sets of assumptions that are in force, the default one first.
-- tables: metrics.assumptions
select distinct
    assumption_set,
    case when assumption_set = 'default' then 0 else 1 end as place
from metrics.assumptions
order by
    place,
    assumption_set
