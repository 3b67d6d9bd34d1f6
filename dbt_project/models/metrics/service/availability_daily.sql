with

days as (

    select * from {{ ref('int_availability_days') }}

    where day <= {{ last_complete_day() }}

),

first_days as (

    select
        component,
        min(day) as first_day

    from {{ ref('int_check_days') }}

    group by component

),

measured as (

    select
        days.component,
        '*' as account_id,
        days.day,
        cast(1440 as bigint) as expected_minutes,
        days.covered_minutes,
        days.down_minutes,
        days.excluded_minutes

    from days
    -- A component whose checks are gone has no days any more.
    inner join first_days on days.component = first_days.component and days.day >= first_days.first_day

)

select
    component,
    account_id,
    day,
    expected_minutes,
    covered_minutes,
    down_minutes,
    excluded_minutes,
    1 - {{ ratio('down_minutes', 'covered_minutes') }} as uptime,
    {{ ratio('covered_minutes', 'expected_minutes') }} as coverage,
    -- What was not looked at is never called up.
    case when {{ ratio('covered_minutes', 'expected_minutes') }} < 0.9 then 'no data' else 'measured' end as state,
    {{ metric_columns() }}

from measured
