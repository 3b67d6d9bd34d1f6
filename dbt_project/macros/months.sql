{#- The first day of a day's month, and of the month a number of months later. -#}
{% macro month_start(day) -%}
    cast(date_trunc('month', cast({{ day }} as timestamp)) as date)
{%- endmacro %}

{% macro add_months(day, months) -%}
    cast(cast({{ day }} as timestamp) + interval '{{ months }} month' as date)
{%- endmacro %}

{#- The first day of the newest month that is over at the clock's time. -#}
{% macro last_complete_month() -%}
    {{ add_months(month_start("cast('" ~ var('as_of')[:10] ~ "' as date)"), -1) }}
{%- endmacro %}

{#- Table expression with one column, `month`: the first day of every month from the first to the last. -#}
{% macro month_series(first, last) -%}
    (
        select day as month
        from {{ date_series(first, last) }} as days
        where extract(day from day) = 1
    )
{%- endmacro %}

{#- Unix seconds at 00:00 UTC of a day. -#}
{% macro day_seconds(day) -%}
    cast(extract(epoch from cast({{ day }} as date)) as bigint)
{%- endmacro %}

{#- The Monday of a day's ISO week. -#}
{% macro week_start(day) -%}
    cast(date_trunc('week', cast({{ day }} as timestamp)) as date)
{%- endmacro %}
