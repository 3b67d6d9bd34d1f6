{{ config(materialized='incremental', incremental_strategy='delete+insert', unique_key='day') }}

{%- set first = '(select first_minute from bounds)' -%}
{%- set last = '(select last_minute from bounds)' -%}
with

checked as (

    select
        day,
        sum(checks) as checks,
        max(last_loaded_at) as last_loaded_at

    from {{ ref('int_check_days') }}

    where day <= {{ last_complete_day() }}

    group by day

),

first_days as (

    select
        component,
        min(day) as first_day

    from {{ ref('int_check_days') }}

    group by component

),

days as (

    -- A day without any check is a day too: it is not covered.
    select
        series.day,
        cast(coalesce(checked.checks, 0) as bigint) as day_checks,
        checked.last_loaded_at as day_loaded_at

    from {{ date_series('(select min(day) from checked)', last_complete_day()) }} as series
    left join checked on series.day = checked.day

),

rules as (

    -- Another hold or another maintenance window may change any day.
    select md5(
        (
            select coalesce(string_agg(component || '=' || cast(hold_minutes as text), ',' order by component), '')
            from {{ ref('int_components') }}
        ) || '/' || (
            select coalesce(cast(count(*) as text) || ' ' || cast(max(loaded_at) as text), '')
            from {{ ref('stg_status__maintenance') }}
        )
    ) as rules_mark

),

bounds as (

    -- A held state reaches forward, so from the first changed day on everything is made again.
    select
        {{ day_minute('min(days.day)') }} as first_minute,
        {{ day_minute(last_complete_day()) }} + 1440 as last_minute

    from days
    {% if is_incremental() -%}
    cross join rules
    left join (
        select
            day,
            min(day_checks) as day_checks,
            min(day_loaded_at) as day_loaded_at,
            min(rules_mark) as rules_mark

        from {{ this }}

        group by day
    ) as built
        on days.day = built.day

    where
        built.day is null
        or built.day_checks <> days.day_checks
        or built.day_loaded_at is distinct from days.day_loaded_at
        or built.rules_mark <> rules.rules_mark
    {%- endif %}

),

holds as (

    {{ probe_holds(first, last) }}

),

maintenance as (

    select
        component,
        greatest({{ minute_index('starts_at') }}, {{ first }}) as from_minute,
        -- A minute is inside when any part of it is.
        least({{ minute_index_up('coalesce(ends_at, ' ~ as_of() ~ ')') }}, {{ last }}) as to_minute

    from {{ ref('stg_status__maintenance') }}

    -- Without a changed day there is nothing to make again.
    where is_approved and {{ first }} is not null

),

boundaries as (

    select
        first_days.component,
        {{ day_minute('days.day') }} as minute

    from days
    inner join first_days on days.day >= first_days.first_day

    where {{ day_minute('days.day') }} >= {{ first }}

),

steps as (

    select component, from_minute as minute, 1 as known, case when is_outage then 1 else 0 end as outage, 0 as maintained
    from holds

    union all

    select component, to_minute as minute, -1 as known, case when is_outage then -1 else 0 end as outage, 0 as maintained
    from holds

    union all

    select component, from_minute as minute, 0 as known, 0 as outage, 1 as maintained
    from maintenance
    where from_minute < to_minute

    union all

    select component, to_minute as minute, 0 as known, 0 as outage, -1 as maintained
    from maintenance
    where from_minute < to_minute

    union all

    -- A step of nothing at every midnight, so that no stretch spans two days.
    select component, minute, 0 as known, 0 as outage, 0 as maintained
    from boundaries

),

summed as (

    select
        component,
        minute,
        sum(known) as known,
        sum(outage) as outage,
        sum(maintained) as maintained

    from steps

    group by component, minute

),

stretches as (

    select
        component,
        minute,
        lead(minute) over (partition by component order by minute) as next_minute,
        sum(known) over (partition by component order by minute) as known,
        sum(outage) over (partition by component order by minute) as outage,
        sum(maintained) over (partition by component order by minute) as maintained

    from summed

),

measured as (

    select
        component,
        {{ minute_day('minute') }} as day,
        sum(case when known > 0 then coalesce(next_minute, {{ last }}) - minute else 0 end) as covered_minutes,
        sum(case when outage > 0 and maintained = 0 then coalesce(next_minute, {{ last }}) - minute else 0 end)
            as down_minutes,
        sum(case when outage > 0 and maintained > 0 then coalesce(next_minute, {{ last }}) - minute else 0 end)
            as excluded_minutes

    from stretches

    where minute < {{ last }}

    group by component, {{ minute_day('minute') }}

)

select
    measured.component,
    measured.day,
    cast(measured.covered_minutes as bigint) as covered_minutes,
    cast(measured.down_minutes as bigint) as down_minutes,
    cast(measured.excluded_minutes as bigint) as excluded_minutes,
    days.day_checks,
    days.day_loaded_at,
    rules.rules_mark

from measured
inner join days on measured.day = days.day
inner join first_days on measured.component = first_days.component and measured.day >= first_days.first_day
cross join rules
