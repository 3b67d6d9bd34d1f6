{#- Minutes since 1970-01-01 00:00 UTC, as bigint: intervals of minutes are subtractions. -#}
{% macro minute_index(timestamp) -%}
    {{ return(adapter.dispatch('minute_index', 'skillsmith')(timestamp)) }}
{%- endmacro %}

{% macro duckdb__minute_index(timestamp) -%}
    cast(epoch_us({{ timestamp }}) // 60000000 as bigint)
{%- endmacro %}

{% macro postgres__minute_index(timestamp) -%}
    cast(floor(extract(epoch from {{ timestamp }}) / 60) as bigint)
{%- endmacro %}

{#- The first minute that begins at or after an instant. -#}
{% macro minute_index_up(timestamp) -%}
    {{ return(adapter.dispatch('minute_index_up', 'skillsmith')(timestamp)) }}
{%- endmacro %}

{% macro duckdb__minute_index_up(timestamp) -%}
    cast((epoch_us({{ timestamp }}) + 59999999) // 60000000 as bigint)
{%- endmacro %}

{% macro postgres__minute_index_up(timestamp) -%}
    cast(ceil(extract(epoch from {{ timestamp }}) / 60) as bigint)
{%- endmacro %}

{#- The condition that an instant lies in a minute (an expression without columns) or after it. -#}
{% macro is_from_minute(timestamp, minute) -%}
    {{ return(adapter.dispatch('is_from_minute', 'skillsmith')(timestamp, minute)) }}
{%- endmacro %}

{% macro duckdb__is_from_minute(timestamp, minute) -%}
    {{ minute_index(timestamp) }} >= {{ minute }}
{%- endmacro %}

{#- The column stands alone, so that chunks and indexes can answer. -#}
{% macro postgres__is_from_minute(timestamp, minute) -%}
    {{ timestamp }} >= to_timestamp(cast(({{ minute }}) * 60 as double precision))
{%- endmacro %}

{#- The minute at which a UTC day begins. -#}
{% macro day_minute(day) -%}
    (cast(cast({{ day }} as date) - cast('1970-01-01' as date) as bigint) * 1440)
{%- endmacro %}

{#- The UTC day of a minute. -#}
{% macro minute_day(minute) -%}
    (cast('1970-01-01' as date) + cast({{ integer_divide(minute, 1440) }} as integer))
{%- endmacro %}

{#-
For how long each probe result counts, in minutes [from_minute, to_minute), cut to [first, last): from the check's own
minute to the minute before the same probe's next check, at most hold_minutes. An unknown ends the state before it and
covers nothing. `first` and `last` are minutes (expressions); columns component, from_minute, to_minute, is_outage.
-#}
{% macro probe_holds(first, last) -%}
    select
        component,
        greatest(minute, {{ first }}) as from_minute,
        least(coalesce(next_minute, {{ last }}), minute + hold_minutes, {{ last }}) as to_minute,
        status = 'outage' as is_outage

    from (
        select
            component,
            status,
            hold_minutes,
            minute,
            lead(minute) over (partition by component, probe order by minute) as next_minute

        from (
            select
                checks.component,
                checks.probe,
                checks.status,
                {{ minute_index('checks.checked_at') }} as minute,
                coalesce(components.hold_minutes, 10) as hold_minutes,
                -- Of two checks of one probe in a minute the later counts.
                row_number() over (
                    partition by checks.component, checks.probe, {{ minute_index('checks.checked_at') }}
                    order by checks.checked_at desc
                ) as newest

            from {{ ref('stg_status__checks') }} as checks
            left join {{ ref('int_components') }} as components
                on checks.component = components.component

            where {{ is_from_minute(
                'checks.checked_at',
                first ~ ' - (select coalesce(max(hold_minutes), 10) from ' ~ ref('int_components') ~ ')'
            ) }}
        ) as ranked

        where newest = 1
    ) as followed

    where
        status in ('operational', 'degraded', 'outage')
        and greatest(minute, {{ first }}) < least(coalesce(next_minute, {{ last }}), minute + hold_minutes, {{ last }})
{%- endmacro %}
