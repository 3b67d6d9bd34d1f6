{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'period_end', 'margin': 3},
    indexes=found_by(['period_end']),
    pre_hook="{{ joins_by_hash() }}"
) }}

with

windows as not materialized (

    -- A period is provisional for three days after its end.
    select * from {{ ref('int_windows') }}

    where period_end >= {{ remade_from(3) }}

),

team_windows as not materialized (

    select * from {{ ref('int_team_windows') }}

    where sampled_day >= {{ remade_from(3) }} - {{ window_lengths() | max }}

),

teams as (

    select * from {{ ref('dim_teams') }}

),

counted as (

    select
        this_window.account_id,
        this_window.team_id,
        windows.period_end,
        windows.period_days,
        windows.is_covered,
        windows.is_previous_covered,
        windows.has_data,
        windows.is_provisional,
        windows.working_days,
        this_window.seats,
        this_window.active_users,
        this_window.uses,
        this_window.successes,
        this_window.user_days,
        this_window.working_user_days,
        this_window.new_users,
        coalesce(previous_window.seats, 0) as previous_seats,
        coalesce(previous_window.active_users, 0) as previous_active_users,
        -- People of both windows = people of this one + people of the previous one - people of the two as one.
        this_window.active_users
        + coalesce(previous_window.active_users, 0)
        - coalesce(both_windows.active_users, 0) as returning_users

    from team_windows as this_window

    inner join windows
        on
            this_window.lookback_days = windows.period_days
            and this_window.sampled_day = windows.period_end

    left join team_windows as previous_window
        on
            this_window.account_id = previous_window.account_id
            and this_window.team_id = previous_window.team_id
            and windows.period_days = previous_window.lookback_days
            and windows.previous_end = previous_window.sampled_day

    left join team_windows as both_windows
        on
            this_window.account_id = both_windows.account_id
            and this_window.team_id = both_windows.team_id
            and 2 * windows.period_days = both_windows.lookback_days
            and windows.period_end = both_windows.sampled_day

    where this_window.seats > 0

),

usage as not materialized (

    select * from {{ ref('int_skill_windows') }}

    where sampled_day >= {{ remade_from(3) }}

),

skills_used as (

    select
        account_id,
        team_id,
        lookback_days,
        sampled_day,
        count(*) as active_skills

    from usage

    where users > 0

    group by account_id, team_id, lookback_days, sampled_day

),

installed as (

    select
        installed_skills.account_id,
        installed_skills.team_id,
        windows.period_end,
        windows.period_days,
        count(*) as installed_skills,
        sum(coalesce(usage.users, 0)) as users_of_installed_skills

    from {{ ref('int_team_installed_skills') }} as installed_skills

    inner join windows
        on installed_skills.period_end = windows.period_end

    left join usage
        on
            installed_skills.account_id = usage.account_id
            and installed_skills.team_id = usage.team_id
            and installed_skills.skill_name = usage.skill_name
            and windows.period_days = usage.lookback_days
            and windows.period_end = usage.sampled_day

    group by installed_skills.account_id, installed_skills.team_id, windows.period_end, windows.period_days

),

seat_states as (

    select * from {{ ref('int_seat_states') }}

),

habitual as (

    select * from {{ ref('int_habitual_users') }}

)

select
    counted.team_id,
    counted.period_end,
    cast(counted.period_days as integer) as period_days,
    counted.account_id,
    cast(counted.seats as bigint) as seats,
    cast(counted.active_users as bigint) as active_users,
    {{ ratio('counted.active_users', 'counted.seats') }} as adoption_rate,
    {{ wilson_low('counted.active_users', 'counted.seats') }} as adoption_low,
    {{ wilson_high('counted.active_users', 'counted.seats') }} as adoption_high,
    cast(coalesce(skills_used.active_skills, 0) as bigint) as active_skills,
    cast(coalesce(installed.installed_skills, 0) as bigint) as installed_skills,
    {{ ratio(
        'installed.users_of_installed_skills', '(installed.installed_skills * counted.seats)'
    ) }} as mean_skill_adoption,
    cast(counted.uses as bigint) as uses,
    cast(counted.successes as bigint) as successes,
    cast(counted.user_days as bigint) as user_days,
    cast(counted.working_user_days as bigint) as working_user_days,
    cast(counted.working_days as bigint) as working_days,
    {{ ratio('counted.user_days', 'counted.period_days') }} as mean_dau,
    {{ ratio('counted.working_user_days', 'counted.working_days') }} as mean_dau_working,
    case
        when counted.is_covered
            then {{ ratio('counted.user_days', '(counted.period_days * counted.active_users)') }}
    end as stickiness,
    case
        when counted.is_covered
            then {{ ratio('counted.working_user_days', '(counted.working_days * counted.active_users)') }}
    end as stickiness_working,
    case
        when counted.period_days = 28 then cast(coalesce(habitual.habitual_users, 0) as bigint)
    end as habitual_users,
    cast(counted.new_users as bigint) as new_users,
    cast(counted.returning_users as bigint) as returning_users,
    cast(counted.active_users - counted.new_users - counted.returning_users as bigint) as resurrected_users,
    cast(counted.previous_active_users - counted.returning_users as bigint) as dormant_users,
    cast(coalesce(seat_states.seats_at_end, 0) as bigint) as seats_at_end,
    cast(coalesce(seat_states.seats_active, 0) as bigint) as seats_active,
    cast(coalesce(seat_states.seats_idle, 0) as bigint) as seats_idle,
    cast(coalesce(seat_states.seats_never_used, 0) as bigint) as seats_never_used,
    cast(coalesce(seat_states.seats_too_new, 0) as bigint) as seats_too_new,
    cast(counted.previous_active_users as bigint) as previous_active_users,
    cast(counted.previous_seats as bigint) as previous_seats,
    case
        when counted.is_previous_covered then {{ ratio('counted.previous_active_users', 'counted.previous_seats') }}
    end as previous_adoption_rate,
    counted.has_data,
    counted.is_covered,
    counted.is_provisional,
    {{ metric_columns() }}

from counted

inner join teams
    on counted.team_id = teams.team_id

left join skills_used
    on
        counted.account_id = skills_used.account_id
        and counted.team_id = skills_used.team_id
        and counted.period_days = skills_used.lookback_days
        and counted.period_end = skills_used.sampled_day

left join installed
    on
        counted.account_id = installed.account_id
        and counted.team_id = installed.team_id
        and counted.period_end = installed.period_end
        and counted.period_days = installed.period_days

left join seat_states
    on
        counted.account_id = seat_states.account_id
        and counted.team_id = seat_states.team_id
        and counted.period_end = seat_states.period_end
        and counted.period_days = seat_states.period_days

left join habitual
    on
        counted.account_id = habitual.account_id
        and counted.team_id = habitual.team_id
        and counted.period_end = habitual.period_end
