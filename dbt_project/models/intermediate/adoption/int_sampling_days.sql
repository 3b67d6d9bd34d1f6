with

first_days as (

    select min(sampled_day) as day from {{ ref('int_sampling_points') }}

    union all

    select min(day) as day from {{ ref('int_event_days') }}

    union all

    select min(first_day) as day from {{ ref('int_seat_spans') }}

),

bounds as (

    -- Every step must find its day here: whatever happened before the first sampling point is read on it.
    select min(day) as first_day from first_days

),

points as (

    select
        lookback_days,
        sampled_day,
        position,
        count(*) over (partition by lookback_days) as last_position,
        coalesce(
            lag(sampled_day) over (partition by lookback_days order by sampled_day),
            bounds.first_day - 1
        ) as previous_sampled_day

    from {{ ref('int_sampling_points') }} as points

    cross join bounds

)

select
    lookback_days,
    position,
    cast(last_position as integer) as last_position,
    previous_sampled_day + {{ integer_series('1', 'sampled_day - previous_sampled_day') }} as day

from points
