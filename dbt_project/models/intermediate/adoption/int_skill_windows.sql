{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'sampled_day'},
    indexes=found_by(['sampled_day', 'lookback_days'])
) }}

with

success_days as not materialized (

    select * from {{ ref('int_team_skill_days') }}

    where successes > 0

),

use_days as not materialized (

    select
        account_id,
        team_id,
        skill_name,
        actor_key,
        day,
        previous_use_day as previous_day

    from {{ ref('int_team_skill_days') }}

),

skill_days as (

    select
        account_id,
        team_id,
        skill_name,
        day,
        sum(uses) as uses,
        sum(successes) as successes,
        sum(failures) as failures,
        sum(unknown) as unknown,
        sum(case when successes > 0 then 1 else 0 end) as user_days

    from {{ ref('int_team_skill_days') }}

    where day in (select with_steps.day from {{ days_with_steps(window_lengths()) }} as with_steps)

    group by account_id, team_id, skill_name, day

),

user_steps as (

    {{ day_steps('success_days', ['account_id', 'team_id', 'skill_name'], ['actor_key'], window_lengths()) | indent(4) }}

),

people_steps as (

    {{ day_steps('use_days', ['account_id', 'team_id', 'skill_name'], ['actor_key'], window_lengths()) | indent(4) }}

),

use_steps as (

    {{ additive_steps(
        'skill_days',
        ['account_id', 'team_id', 'skill_name'],
        ['uses', 'successes', 'failures', 'unknown', 'user_days'],
        window_lengths()
    ) | indent(4) }}

),

steps as (

    select
        account_id,
        team_id,
        skill_name,
        lookback_days,
        step_day,
        step as users,
        0 as people,
        0 as uses,
        0 as successes,
        0 as failures,
        0 as unknown,
        0 as user_days

    from user_steps

    union all

    select
        account_id,
        team_id,
        skill_name,
        lookback_days,
        step_day,
        0 as users,
        step as people,
        0 as uses,
        0 as successes,
        0 as failures,
        0 as unknown,
        0 as user_days

    from people_steps

    union all

    select
        account_id,
        team_id,
        skill_name,
        lookback_days,
        step_day,
        0 as users,
        0 as people,
        uses,
        successes,
        failures,
        unknown,
        user_days

    from use_steps

    {{ kept_windows(
        ['account_id', 'team_id', 'skill_name'],
        ['users', 'people', 'uses', 'successes', 'failures', 'unknown', 'user_days'],
        window_lengths()
    ) | indent(4) }}

)

{{ sampled_windows(
    'steps',
    ['account_id', 'team_id', 'skill_name'],
    ['users', 'people', 'uses', 'successes', 'failures', 'unknown', 'user_days']
) }}
