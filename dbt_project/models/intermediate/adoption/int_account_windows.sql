{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'sampled_day'},
    indexes=found_by(['sampled_day', 'lookback_days'])
) }}

with

seats as not materialized (

    select * from {{ ref('int_account_seat_spans') }}

),

skill_days as (

    -- A person in two teams of the account did it once.
    select
        account_id,
        actor_key,
        skill_name,
        day,
        max(uses) as uses,
        max(successes) as successes

    from {{ ref('int_team_skill_days') }}

    where day in (select with_steps.day from {{ days_with_steps(window_lengths()) }} as with_steps)

    group by account_id, actor_key, skill_name, day

),

user_days as (

    select
        account_id,
        actor_key,
        day as first_day,
        day as last_day

    from {{ ref('int_team_user_days') }}

    where day >= {{ seen_from(window_lengths() | max) }}

    group by account_id, actor_key, day

),

totals as (

    select
        account_id,
        day,
        sum(uses) as uses,
        sum(successes) as successes

    from skill_days

    group by account_id, day

),

seat_steps as (

    {{ presence_steps('seats', ['account_id'], ['actor_key'], window_lengths()) | indent(4) }}

),

active_steps as (

    {{ presence_steps('user_days', ['account_id'], ['actor_key'], window_lengths()) | indent(4) }}

),

total_steps as (

    {{ additive_steps('totals', ['account_id'], ['uses', 'successes'], window_lengths()) | indent(4) }}

),

steps as (

    select
        account_id,
        lookback_days,
        step_day,
        step as seats,
        0 as active_users,
        0 as uses,
        0 as successes

    from seat_steps

    union all

    select
        account_id,
        lookback_days,
        step_day,
        0 as seats,
        step as active_users,
        0 as uses,
        0 as successes

    from active_steps

    union all

    select
        account_id,
        lookback_days,
        step_day,
        0 as seats,
        0 as active_users,
        uses,
        successes

    from total_steps

    {{ kept_windows(
        ['account_id'], ['seats', 'active_users', 'uses', 'successes'], window_lengths()
    ) | indent(4) }}

)

{{ sampled_windows('steps', ['account_id'], ['seats', 'active_users', 'uses', 'successes']) }}
