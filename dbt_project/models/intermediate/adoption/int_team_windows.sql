with

seats as not materialized (

    select * from {{ ref('int_seat_spans') }}

),

user_days as (

    select
        team_id,
        actor_key,
        day as first_day,
        day as last_day

    from {{ ref('int_team_user_days') }}

),

skills_used as (

    select
        team_id,
        skill_name,
        day as first_day,
        day as last_day

    from {{ ref('int_team_skill_days') }}

    where successes > 0

    group by team_id, skill_name, day

),

totals as (

    select
        team_id,
        day,
        sum(uses) as uses,
        sum(successes) as successes,
        0 as user_days,
        0 as working_user_days,
        0 as new_users

    from {{ ref('int_team_skill_days') }}

    group by team_id, day

    union all

    select
        team_id,
        day,
        0 as uses,
        0 as successes,
        count(*) as user_days,
        sum(case when is_working_day then 1 else 0 end) as working_user_days,
        sum(case when is_first then 1 else 0 end) as new_users

    from {{ ref('int_team_user_days') }}

    group by team_id, day

),

seat_steps as (

    {{ presence_steps('seats', ['team_id'], ['actor_key'], window_lengths()) | indent(4) }}

),

active_steps as (

    {{ presence_steps(
        'user_days', ['team_id'], ['actor_key'], window_lengths() + double_window_lengths()
    ) | indent(4) }}

),

skill_steps as (

    {{ presence_steps('skills_used', ['team_id'], ['skill_name'], window_lengths()) | indent(4) }}

),

total_steps as (

    {{ additive_steps(
        'totals',
        ['team_id'],
        ['uses', 'successes', 'user_days', 'working_user_days', 'new_users'],
        window_lengths()
    ) | indent(4) }}

),

steps as (

    select
        team_id,
        lookback_days,
        step_day,
        step as seats,
        0 as active_users,
        0 as active_skills,
        0 as uses,
        0 as successes,
        0 as user_days,
        0 as working_user_days,
        0 as new_users

    from seat_steps

    union all

    select
        team_id,
        lookback_days,
        step_day,
        0 as seats,
        step as active_users,
        0 as active_skills,
        0 as uses,
        0 as successes,
        0 as user_days,
        0 as working_user_days,
        0 as new_users

    from active_steps

    union all

    select
        team_id,
        lookback_days,
        step_day,
        0 as seats,
        0 as active_users,
        step as active_skills,
        0 as uses,
        0 as successes,
        0 as user_days,
        0 as working_user_days,
        0 as new_users

    from skill_steps

    union all

    select
        team_id,
        lookback_days,
        step_day,
        0 as seats,
        0 as active_users,
        0 as active_skills,
        uses,
        successes,
        user_days,
        working_user_days,
        new_users

    from total_steps

)

{{ sampled_windows(
    'steps',
    ['team_id'],
    ['seats', 'active_users', 'active_skills', 'uses', 'successes', 'user_days', 'working_user_days', 'new_users']
) }}
