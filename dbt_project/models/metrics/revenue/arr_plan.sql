with

plan as (

    select * from {{ reference('plan_revenue') }} as plan_revenue

),

bridge as not materialized (

    select * from {{ ref('mrr_bridge') }}

),

first_state as (

    -- Before the first subscription event nothing was measured; after it, no revenue is a measured zero.
    select {{ month_start(utc_day(to_timestamp_utc('min(created_seconds)'))) }} as month

    from {{ ref('int_subscription_states') }}

),

quarters as (

    select
        quarter,
        arr_cents as planned_arr_cents,
        team_seats as planned_team_seats,
        enterprise_seats as planned_enterprise_seats,
        {{ add_months('quarter', 2) }} as last_month,
        least({{ add_months('quarter', 2) }}, {{ last_complete_month() }}) as actual_month

    from plan

),

measured as (

    select
        quarters.*,
        -- The clock has not reached the quarter: it has no actual, not even the latest one.
        {{ day_start('quarters.quarter') }} < {{ as_of() }} and quarters.actual_month >= first_state.month as is_measured

    from quarters
    cross join first_state

),

actuals as (

    select
        measured.quarter,
        measured.planned_arr_cents,
        measured.planned_team_seats,
        measured.planned_enterprise_seats,
        (extract(year from measured.last_month) * 12 + extract(month from measured.last_month))
        - (extract(year from measured.actual_month) * 12 + extract(month from measured.actual_month)) as months_left,
        case when measured.is_measured then measured.actual_month end as actual_month,
        case when measured.is_measured then coalesce(total.arr_cents, 0) end as actual_arr_cents,
        case when measured.is_measured then coalesce(team.seats, 0) end as actual_team_seats,
        case when measured.is_measured then coalesce(enterprise.seats, 0) end as actual_enterprise_seats

    from measured
    left join bridge as total on measured.actual_month = total.month and total.segment = 'total'
    left join bridge as team on measured.actual_month = team.month and team.segment = 'team'
    left join bridge as enterprise on measured.actual_month = enterprise.month and enterprise.segment = 'enterprise'

)

select
    quarter,
    planned_arr_cents,
    planned_team_seats,
    planned_enterprise_seats,
    actual_month,
    cast(actual_arr_cents as bigint) as actual_arr_cents,
    cast(actual_team_seats as bigint) as actual_team_seats,
    cast(actual_enterprise_seats as bigint) as actual_enterprise_seats,
    cast(actual_arr_cents - planned_arr_cents as bigint) as variance_cents,
    -- No growth reaches the plan from nothing, and a quarter that is over needs none.
    case
        when actual_arr_cents > 0 and months_left > 0
            then power(
                cast(planned_arr_cents as double precision) / cast(actual_arr_cents as double precision),
                cast(1 as double precision) / cast(months_left as double precision)
            ) - 1
    end as required_monthly_growth,
    {{ metric_columns() }}

from actuals
