-- What time saved rests on now: minutes per use by skill, their grade and source, and the two shares.
-- tables: metrics.assumptions
select *
from metrics.assumptions
where assumption_set = $assumption_set
order by skill_name
