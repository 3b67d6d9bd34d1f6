{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'period_end', 'margin': 3},
    indexes=found_by(['period_end']),
    pre_hook="{{ joins_by_hash() }}"
) }}

with

windows as (

    -- A period is provisional for three days after its end.
    select * from {{ ref('int_windows') }}

    where period_end >= {{ remade_from(3) }}

),

account_windows as (

    select * from {{ ref('int_account_windows') }}

    where sampled_day >= {{ remade_from(3) }}

),

skills_used as (

    -- A skill that is used in two teams of the account is one.
    select
        account_id,
        lookback_days,
        sampled_day,
        count(distinct skill_name) as active_skills

    from {{ ref('int_skill_windows') }}

    where users > 0 and sampled_day >= {{ remade_from(3) }}

    group by account_id, lookback_days, sampled_day

)

select
    account_windows.account_id,
    windows.period_end,
    windows.period_days,
    cast(account_windows.seats as bigint) as seats,
    cast(account_windows.active_users as bigint) as active_users,
    {{ ratio('account_windows.active_users', 'account_windows.seats') }} as adoption_rate,
    {{ wilson_low('account_windows.active_users', 'account_windows.seats') }} as adoption_low,
    {{ wilson_high('account_windows.active_users', 'account_windows.seats') }} as adoption_high,
    cast(coalesce(skills_used.active_skills, 0) as bigint) as active_skills,
    cast(account_windows.uses as bigint) as uses,
    cast(account_windows.successes as bigint) as successes,
    windows.has_data,
    windows.is_covered,
    windows.is_provisional,
    {{ metric_columns() }}

from account_windows

inner join windows
    on
        account_windows.lookback_days = windows.period_days
        and account_windows.sampled_day = windows.period_end

left join skills_used
    on
        account_windows.account_id = skills_used.account_id
        and account_windows.lookback_days = skills_used.lookback_days
        and account_windows.sampled_day = skills_used.sampled_day

where account_windows.seats > 0
