-- Who came back to one skill, by the weeks since the first success.
-- tables: metrics.skill_retention_curve
select *
from metrics.skill_retention_curve
where skill_name = $skill_name
order by weeks_later
