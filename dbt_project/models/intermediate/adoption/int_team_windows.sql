{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'sampled_day'},
    indexes=found_by(['sampled_day', 'lookback_days'])
) }}

with

seats as not materialized (

    select * from {{ ref('int_seats_by_account') }}

),

user_days as not materialized (

    select * from {{ ref('int_team_user_days') }}

),

totals as (

    select
        account_id,
        team_id,
        day,
        sum(uses) as uses,
        sum(successes) as successes,
        0 as user_days,
        0 as working_user_days,
        0 as new_users

    from {{ ref('int_team_skill_days') }}

    where day in (select with_steps.day from {{ days_with_steps(window_lengths()) }} as with_steps)

    group by account_id, team_id, day

    union all

    select
        account_id,
        team_id,
        day,
        0 as uses,
        0 as successes,
        count(*) as user_days,
        sum(case when is_working_day then 1 else 0 end) as working_user_days,
        sum(case when previous_day is null then 1 else 0 end) as new_users

    from {{ ref('int_team_user_days') }}

    where day in (select with_steps.day from {{ days_with_steps(window_lengths()) }} as with_steps)

    group by account_id, team_id, day

),

seat_steps as (

    {{ presence_steps('seats', ['account_id', 'team_id'], ['actor_key'], window_lengths()) | indent(4) }}

),

active_steps as (

    {{ day_steps(
        'user_days', ['account_id', 'team_id'], ['actor_key'], window_lengths() + double_window_lengths()
    ) | indent(4) }}

),

total_steps as (

    {{ additive_steps(
        'totals',
        ['account_id', 'team_id'],
        ['uses', 'successes', 'user_days', 'working_user_days', 'new_users'],
        window_lengths()
    ) | indent(4) }}

),

steps as (

    select
        account_id,
        team_id,
        lookback_days,
        step_day,
        step as seats,
        0 as active_users,
        0 as uses,
        0 as successes,
        0 as user_days,
        0 as working_user_days,
        0 as new_users

    from seat_steps

    union all

    select
        account_id,
        team_id,
        lookback_days,
        step_day,
        0 as seats,
        step as active_users,
        0 as uses,
        0 as successes,
        0 as user_days,
        0 as working_user_days,
        0 as new_users

    from active_steps

    union all

    select
        account_id,
        team_id,
        lookback_days,
        step_day,
        0 as seats,
        0 as active_users,
        uses,
        successes,
        user_days,
        working_user_days,
        new_users

    from total_steps

    {{ kept_windows(
        ['account_id', 'team_id'],
        ['seats', 'active_users', 'uses', 'successes', 'user_days', 'working_user_days', 'new_users'],
        window_lengths() + double_window_lengths()
    ) | indent(4) }}

)

{{ sampled_windows(
    'steps',
    ['account_id', 'team_id'],
    ['seats', 'active_users', 'uses', 'successes', 'user_days', 'working_user_days', 'new_users']
) }}
