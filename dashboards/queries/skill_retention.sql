-- Who came back to one skill, by the week of the first success and the weeks since.
-- tables: metrics.skill_retention
select *
from metrics.skill_retention
where skill_name = $skill_name
order by
    cohort_week desc,
    weeks_later
