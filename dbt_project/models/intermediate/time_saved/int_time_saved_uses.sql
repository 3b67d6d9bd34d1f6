{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'period_end', 'made_of': ['assumption', 'factor']},
    indexes=found_by(['period_end']),
    pre_hook="{{ joins_by_hash() }}"
) }}

with

successes as (

    select
        usage.account_id,
        usage.team_id,
        usage.skill_name,
        windows.period_end,
        windows.period_days,
        usage.users,
        usage.successes,
        usage.failures

    from {{ ref('int_skill_windows') }} as usage

    inner join {{ ref('int_windows') }} as windows
        on usage.lookback_days = windows.period_days and usage.sampled_day = windows.period_end

    where usage.successes > 0 and usage.sampled_day >= {{ remade_from() }}

),

assumptions as not materialized (

    select * from {{ ref('int_time_saved_assumptions') }}

),

sets as (

    -- Hours are drawn with both shares: a set that lacks one of them has none, which the check of the sets says.
    select assumption_set from {{ ref('int_time_saved_factors') }}

    where assumption_set in (select assumption_set from assumptions)

    group by assumption_set

    having count(distinct factor) = 2

),

named as (

    -- A skill's own row where one is in force, else the default of the set.
    select
        successes.account_id,
        successes.team_id,
        successes.period_end,
        successes.period_days,
        sets.assumption_set,
        case when own_rows.skill_name is null then '*' else own_rows.skill_name end as assumption_name,
        successes.users,
        successes.successes,
        successes.failures

    from successes

    cross join sets

    left join assumptions as own_rows
        on
            sets.assumption_set = own_rows.assumption_set
            and successes.skill_name = own_rows.skill_name
            and successes.period_end >= own_rows.valid_from
            and (own_rows.valid_to is null or successes.period_end < own_rows.valid_to)

),

summed as (

    select
        account_id,
        team_id,
        period_end,
        period_days,
        assumption_set,
        assumption_name,
        -- Of the skills that share the row the one with the most users: where that is 1, so few stand behind the row.
        cast(max(users) as bigint) as most_users,
        cast(sum(successes) as bigint) as successes,
        cast(sum(failures) as bigint) as failures

    from named

    group by account_id, team_id, period_end, period_days, assumption_set, assumption_name

)

select
    summed.account_id,
    summed.team_id,
    summed.period_end,
    summed.period_days,
    summed.assumption_set,
    summed.assumption_name,
    assumptions.low,
    assumptions.mode,
    assumptions.high,
    assumptions.grade,
    summed.most_users,
    summed.successes,
    summed.failures,
    {{ made_at() }}

from summed

-- Where a set has no default in force, a skill without a row of its own saves no known time and is left out.
inner join assumptions
    on
        summed.assumption_set = assumptions.assumption_set
        and summed.assumption_name = assumptions.skill_name
        and summed.period_end >= assumptions.valid_from
        and (assumptions.valid_to is null or summed.period_end < assumptions.valid_to)
