{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'period_end', 'margin': 3},
    indexes=found_by(['period_end']),
    pre_hook="{{ joins_by_hash() }}"
) }}

with

period_ends as (

    -- A period is provisional for three days after its end, however long it is.
    select distinct
        period_end,
        is_provisional

    from {{ ref('int_windows') }}

    where period_end >= {{ remade_from(3) }}

),

installed as (

    select * from {{ ref('int_team_installed_skills') }}

    where period_end >= {{ remade_from(3) }}

),

used as (

    -- A skill that is used in a window is used in every longer one.
    select
        account_id,
        team_id,
        skill_name,
        sampled_day,
        min(lookback_days) as used_within_days

    from {{ ref('int_skill_windows') }}

    where users > 0 and sampled_day >= {{ remade_from(3) }}

    group by account_id, team_id, skill_name, sampled_day

),

seats as (

    -- Who is seated on a day does not depend on the window that ends on it.
    select
        account_id,
        team_id,
        period_end,
        max(seats_at_end) as seats

    from {{ ref('int_seat_states') }}

    where period_end >= {{ remade_from(3) }}

    group by account_id, team_id, period_end

),

teams as (

    select * from {{ ref('dim_teams') }}

)

select
    installed.team_id,
    installed.skill_name,
    installed.period_end,
    installed.account_id,
    cast(coalesce(seats.seats, 0) as bigint) as seats,
    cast(installed.people as bigint) as installed_people,
    cast(used.used_within_days as integer) as used_within_days,
    period_ends.is_provisional,
    {{ metric_columns() }}

from installed

inner join period_ends
    on installed.period_end = period_ends.period_end

inner join teams
    on installed.team_id = teams.team_id

left join seats
    on
        installed.account_id = seats.account_id
        and installed.team_id = seats.team_id
        and installed.period_end = seats.period_end

left join used
    on
        installed.account_id = used.account_id
        and installed.team_id = used.team_id
        and installed.skill_name = used.skill_name
        and installed.period_end = used.sampled_day
