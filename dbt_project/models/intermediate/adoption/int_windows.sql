with

bounds as (

    -- An aggregate always has a row: before any event arrived, data begins nowhere.
    select
        min(day) as data_begins_on,
        {{ last_complete_day() }} as last_day

    from {{ ref('int_event_days') }}

),

period_ends as (

    select day as period_end from {{ date_series(last_complete_day() ~ ' - 13', last_complete_day()) }} as recent_days

    union

    select day as period_end from {{ date_series(last_complete_day() ~ ' - 370', last_complete_day()) }} as year_days

    where extract(isodow from day) = 7

    union

    select day as period_end
    from {{ date_series(
        '(select data_begins_on from bounds)', last_complete_day()
    ) }} as all_days

    where extract(day from day + 1) = 1

),

windows as (

    select
        period_ends.period_end,
        cast(lookbacks.lookback_days as integer) as period_days,
        period_ends.period_end - lookbacks.lookback_days + 1 as period_start,
        period_ends.period_end - lookbacks.lookback_days as previous_end,
        coalesce(bounds.data_begins_on <= period_ends.period_end - lookbacks.lookback_days + 1, false) as is_covered,
        coalesce(
            bounds.data_begins_on <= period_ends.period_end - 2 * lookbacks.lookback_days + 1, false
        ) as is_previous_covered,
        coalesce(bounds.data_begins_on <= period_ends.period_end, false) as has_data,
        period_ends.period_end >= bounds.last_day - 2 as is_provisional

    from period_ends

    cross join {{ lookbacks(window_lengths()) }}

    cross join bounds

),

working_days as (

    select day
    from {{ date_series(
        '(select min(period_start) from windows)', last_complete_day()
    ) }} as all_days

    where
        extract(isodow from day) <= 5
        and day not in (select holidays.day from {{ reference('holidays') }} as holidays where holidays.day is not null)

)

select
    windows.period_end,
    windows.period_days,
    windows.period_start,
    windows.previous_end,
    windows.is_covered,
    windows.is_previous_covered,
    windows.has_data,
    windows.is_provisional,
    cast(count(working_days.day) as integer) as working_days

from windows

left join working_days
    on working_days.day between windows.period_start and windows.period_end

group by
    windows.period_end,
    windows.period_days,
    windows.period_start,
    windows.previous_end,
    windows.is_covered,
    windows.is_previous_covered,
    windows.has_data,
    windows.is_provisional
