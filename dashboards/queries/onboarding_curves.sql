-- The share of the people who joined a team in some months that had begun by each day since joining.
-- tables: metrics.team_onboarding
select *
from metrics.team_onboarding
where
    team_id = $team_id
    and cohort_month >= cast($first_month as date)
    and cohort_month <= cast($last_month as date)
order by
    cohort_month,
    day
