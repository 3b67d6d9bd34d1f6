-- Everybody seated at the end is in exactly one state, and everybody active in exactly one stage; nobody is negative.
select
    team_id,
    period_end,
    period_days

from {{ ref('team_activity') }}

where
    seats_active + seats_idle + seats_never_used + seats_too_new <> seats_at_end
    or new_users + returning_users + resurrected_users <> active_users
    or dormant_users + returning_users <> previous_active_users
    or least(new_users, returning_users, resurrected_users, dormant_users) < 0
    or active_users > seats
    or seats_at_end > seats
