-- The quality of one skill with the facts behind it.
-- tables: metrics.skill_quality
select *
from metrics.skill_quality
where skill_name = $skill_name
