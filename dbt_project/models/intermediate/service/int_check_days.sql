{#- Where raw rows are counted by day already, only the days that changed are counted by component. -#}
{%- set keeps_days = target.type == 'postgres' -%}
{{ config(
    materialized='incremental' if keeps_days else 'table',
    incremental_strategy='delete+insert' if keeps_days else none,
    unique_key='day',
    pre_hook="{{ forget_days('status_checks') }}" if keeps_days else []
) }}

with

checks as (

    select * from {{ ref('stg_status__checks') }}

),

touched as (

    select days.day

    from {{ raw_days('status_checks', ref('stg_status__checks'), 'checked_at') }} as days
    {% if is_incremental() -%}
    left join (
        select
            day,
            sum(checks) as checks,
            max(last_loaded_at) as last_loaded_at

        from {{ this }}

        group by day
    ) as built
        on days.day = built.day

    where
        built.day is null
        or built.checks <> days.row_count
        or built.last_loaded_at is distinct from days.last_loaded_at
    {%- endif %}

)

select
    checks.component,
    touched.day,
    cast(count(*) as bigint) as checks,
    max(checks.loaded_at) as last_loaded_at

from checks
inner join touched
    on {{ is_of_day('checks.checked_at', utc_day('checks.checked_at'), 'touched') }}

group by checks.component, touched.day
