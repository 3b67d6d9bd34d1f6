{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'period_end'},
    indexes=found_by(['period_end'])
) }}

-- depends_on: {{ ref('int_windows') }}

with

period_ends as (

    select
        sampled_day as period_end,
        position

    from {{ ref('int_sampling_points') }}

    where lookback_days = 1 and sampled_day >= {{ remade_from() }}

),

positions as not materialized (

    select
        day,
        position

    from {{ ref('int_sampling_days') }}

    where lookback_days = 1

),

bounds as (

    select max(position) + 1 as end_position from positions

),

window_days as (

    -- Every period end whose 28 days contain the day.
    select
        user_days.account_id,
        user_days.team_id,
        user_days.actor_key,
        user_days.day,
        {{ integer_series(
            'first_positions.position',
            'coalesce(next_positions.position, bounds.end_position) - 1'
        ) }} as position

    from {{ ref('int_team_user_days') }} as user_days

    cross join bounds

    inner join positions as first_positions
        on user_days.day = first_positions.day

    left join positions as next_positions
        on user_days.day + 28 = next_positions.day

    where user_days.day >= {{ remade_from() }} - 27

),

blocks as (

    select
        window_days.account_id,
        window_days.team_id,
        window_days.actor_key,
        period_ends.period_end,
        floor({{ days_between('period_ends.period_end', 'window_days.day') }} / 7.0) as block

    from window_days

    inner join period_ends
        on window_days.position = period_ends.position

    group by
        window_days.account_id,
        window_days.team_id,
        window_days.actor_key,
        period_ends.period_end,
        floor({{ days_between('period_ends.period_end', 'window_days.day') }} / 7.0)

    having count(*) >= 3

),

habitual as (

    select
        account_id,
        team_id,
        actor_key,
        period_end

    from blocks

    group by account_id, team_id, actor_key, period_end

    having count(*) >= 3

)

select
    account_id,
    team_id,
    period_end,
    count(*) as habitual_users,
    {{ made_at() }}

from habitual

group by account_id, team_id, period_end
