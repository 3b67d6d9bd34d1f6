-- Recommendations to a team on a surface by a model (`*`: all) in one period, the equal period before it, and every Sunday
-- of the year before.
-- tables: metrics.team_recommendations
select
    team_id,
    period_end,
    period_days,
    seats,
    censored,
    shown,
    clicked,
    installed,
    acceptance_rate,
    acceptance_low,
    acceptance_high,
    installed_14,
    activated,
    activation_rate,
    installed_30,
    retained,
    retention_rate,
    holdout_shown,
    holdout_installed,
    holdout_rate,
    lift,
    lift_low,
    lift_high,
    is_covered,
    is_open,
    is_provisional
from metrics.team_recommendations
where
    team_id = $team_id
    and period_days = cast($period_days as integer)
    and surface = $surface
    and model = $model
    and period_end <= cast($period_end as date)
    and period_end > cast($period_end as date) - 371
    and (
        period_end = cast($period_end as date)
        or period_end = cast($period_end as date) - cast($period_days as integer)
        or extract(isodow from period_end) = 7
    )
order by period_end
