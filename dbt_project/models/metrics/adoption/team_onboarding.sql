select
    account_id,
    team_id,
    cohort_month,
    day,
    seats,
    at_risk,
    events,
    censored,
    adopters,
    survival,
    1 - survival as adopted_share,
    last_seen,
    fewest_last_seen,
    has_data,
    {{ metric_columns() }}

from {{ ref('int_onboarding_days') }}

where day <= 90
