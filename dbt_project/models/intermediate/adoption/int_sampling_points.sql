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
