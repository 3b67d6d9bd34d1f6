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

usage as not materialized (

    select * from {{ ref('int_skill_windows') }}

),

this_and_previous as (

    select
        usage.account_id,
        usage.team_id,
        usage.skill_name,
        windows.period_end,
        windows.period_days,
        windows.previous_end,
        windows.is_previous_covered,
        windows.is_provisional,
        usage.users,
        usage.people,
        usage.uses,
        usage.successes,
        usage.failures,
        usage.unknown,
        usage.user_days,
        0 as previous_users,
        0 as previous_user_days,
        0 as previous_uses

    from usage

    inner join windows
        on usage.lookback_days = windows.period_days and usage.sampled_day = windows.period_end

    where usage.sampled_day >= {{ remade_from(3) }}

    union all

    select
        usage.account_id,
        usage.team_id,
        usage.skill_name,
        windows.period_end,
        windows.period_days,
        windows.previous_end,
        windows.is_previous_covered,
        windows.is_provisional,
        0 as users,
        0 as people,
        0 as uses,
        0 as successes,
        0 as failures,
        0 as unknown,
        0 as user_days,
        usage.users as previous_users,
        usage.user_days as previous_user_days,
        usage.uses as previous_uses

    from usage

    inner join windows
        on usage.lookback_days = windows.period_days and usage.sampled_day = windows.previous_end

    where usage.sampled_day >= {{ remade_from(3) }} - {{ window_lengths() | max }}

),

counted as (

    select
        account_id,
        team_id,
        skill_name,
        period_end,
        period_days,
        -- Carried, not joined again: PostgreSQL takes a join by both columns of a window for one with hardly a row.
        previous_end,
        is_previous_covered,
        is_provisional,
        cast(sum(users) as bigint) as users,
        cast(sum(people) as bigint) as people,
        cast(sum(uses) as bigint) as uses,
        cast(sum(successes) as bigint) as successes,
        cast(sum(failures) as bigint) as failures,
        cast(sum(unknown) as bigint) as unknown,
        cast(sum(user_days) as bigint) as user_days,
        cast(sum(previous_users) as bigint) as previous_users,
        cast(sum(previous_user_days) as bigint) as previous_user_days,
        cast(sum(previous_uses) as bigint) as previous_uses

    from this_and_previous

    group by
        account_id,
        team_id,
        skill_name,
        period_end,
        period_days,
        previous_end,
        is_previous_covered,
        is_provisional

),

ranked as (

    -- Skills that nobody used sort last, so they push no rank, and get none.
    select
        counted.*,
        rank() over (
            partition by account_id, team_id, period_end, period_days
            order by users desc, user_days desc, uses desc
        ) as place,
        rank() over (
            partition by account_id, team_id, period_end, period_days
            order by previous_users desc, previous_user_days desc, previous_uses desc
        ) as previous_place

    from counted

),

teams as (

    select * from {{ ref('dim_teams') }}

),

team_windows as not materialized (

    select * from {{ ref('int_team_windows') }}

    where sampled_day >= {{ remade_from(3) }} - {{ window_lengths() | max }}

),

names as (

    select
        skill_name,
        bool_or(is_resolved) as is_resolved

    from {{ ref('int_skill_names') }}

    group by skill_name

)

select
    ranked.team_id,
    ranked.skill_name,
    ranked.period_end,
    ranked.period_days,
    ranked.account_id,
    ranked.users,
    ranked.people,
    cast(coalesce(this_window.seats, 0) as bigint) as seats,
    {{ ratio('ranked.users', 'this_window.seats') }} as adoption_rate,
    {{ wilson_low('ranked.users', 'this_window.seats') }} as adoption_low,
    {{ wilson_high('ranked.users', 'this_window.seats') }} as adoption_high,
    ranked.uses,
    ranked.successes,
    ranked.failures,
    ranked.unknown,
    {{ ratio('ranked.successes', 'ranked.successes + ranked.failures') }} as success_rate,
    {{ wilson_low('ranked.successes', '(ranked.successes + ranked.failures)') }} as success_low,
    {{ wilson_high('ranked.successes', '(ranked.successes + ranked.failures)') }} as success_high,
    ranked.user_days,
    cast(case when ranked.users > 0 then ranked.place end as bigint) as usage_rank,
    cast(case when ranked.previous_users > 0 then ranked.previous_place end as bigint) as previous_usage_rank,
    ranked.previous_users,
    cast(coalesce(previous_window.seats, 0) as bigint) as previous_seats,
    case
        when ranked.is_previous_covered then {{ ratio('ranked.previous_users', 'previous_window.seats') }}
    end as previous_adoption_rate,
    coalesce(names.is_resolved, false) as is_name_resolved,
    ranked.is_provisional,
    {{ metric_columns() }}

from ranked

inner join teams
    on ranked.team_id = teams.team_id

left join team_windows as this_window
    on
        ranked.account_id = this_window.account_id
        and ranked.team_id = this_window.team_id
        and ranked.period_days = this_window.lookback_days
        and ranked.period_end = this_window.sampled_day

left join team_windows as previous_window
    on
        ranked.account_id = previous_window.account_id
        and ranked.team_id = previous_window.team_id
        and ranked.period_days = previous_window.lookback_days
        and ranked.previous_end = previous_window.sampled_day

left join names
    on ranked.skill_name = names.skill_name
