with

windows as not materialized (

    select * from {{ ref('int_windows') }}

),

points as (

    select
        period_days as lookback_days,
        period_end as sampled_day

    from windows

    union

    select
        period_days as lookback_days,
        previous_end as sampled_day

    from windows

    union

    -- A window together with the one before it.
    select
        2 * period_days as lookback_days,
        period_end as sampled_day

    from windows

    union

    -- Every day that a period before a newer one will end on: so each day's refresh finds those made already.
    select
        lookbacks.lookback_days,
        days.day as sampled_day

    from {{ lookbacks(window_lengths()) }}

    cross join {{ date_series(last_complete_day() ~ ' - 13 - ' ~ (window_lengths() | max), last_complete_day()) }} as days

    where days.day >= {{ last_complete_day() }} - 13 - lookbacks.lookback_days

    union

    -- The state at the end of a period.
    select
        1 as lookback_days,
        period_end as sampled_day

    from windows

)

select
    lookback_days,
    sampled_day,
    cast(row_number() over (partition by lookback_days order by sampled_day) as integer) as position

from points
