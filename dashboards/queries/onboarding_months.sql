-- How soon the people who joined a team began, by month of joining, newest first.
-- tables: metrics.team_onboarding_summary
select *
from metrics.team_onboarding_summary
where team_id = $team_id
order by cohort_month desc
