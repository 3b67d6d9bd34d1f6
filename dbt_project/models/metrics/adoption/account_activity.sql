with

windows as (

    select * from {{ ref('int_windows') }}

),

account_windows as (

    select * from {{ ref('int_account_windows') }}

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
    cast(account_windows.active_skills as bigint) as active_skills,
    cast(account_windows.uses as bigint) as uses,
    cast(account_windows.successes as bigint) as successes,
    windows.has_data,
    windows.is_provisional,
    {{ metric_columns() }}

from account_windows

inner join windows
    on
        account_windows.lookback_days = windows.period_days
        and account_windows.sampled_day = windows.period_end

where account_windows.seats > 0
