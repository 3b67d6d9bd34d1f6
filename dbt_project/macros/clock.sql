{#- The clock is an input: `as_of` and `run_started_at` are UTC texts 'YYYY-MM-DD HH:MM:SS'. -#}

{% macro timestamp_literal(text) -%}
    {{ return(adapter.dispatch('timestamp_literal', 'skillsmith')(text)) }}
{%- endmacro %}

{% macro duckdb__timestamp_literal(text) -%}
    cast('{{ text }}' as timestamp)
{%- endmacro %}

{% macro postgres__timestamp_literal(text) -%}
    cast('{{ text }}+00' as timestamptz)
{%- endmacro %}

{#- A NULL of the engine's timestamp type, for a column that one branch lacks. -#}
{% macro timestamp_type() -%}
    {{ 'timestamptz' if target.type == 'postgres' else 'timestamp' }}
{%- endmacro %}

{#- Rows with a time at or after this instant are ignored. -#}
{% macro as_of() -%}
    {{ timestamp_literal(var('as_of')) }}
{%- endmacro %}

{% macro run_started_at_utc() -%}
    {{ timestamp_literal(var('run_started_at', var('as_of'))) }}
{%- endmacro %}

{#- The day before the clock's day: the newest period_end. -#}
{% macro last_complete_day() -%}
    (cast('{{ var("as_of")[:10] }}' as date) - 1)
{%- endmacro %}

{% macro utc_day(timestamp) -%}
    {{ return(adapter.dispatch('utc_day', 'skillsmith')(timestamp)) }}
{%- endmacro %}

{% macro duckdb__utc_day(timestamp) -%}
    cast({{ timestamp }} as date)
{%- endmacro %}

{#- Without the zone a session in another one would cut days elsewhere. -#}
{% macro postgres__utc_day(timestamp) -%}
    cast(({{ timestamp }}) at time zone 'UTC' as date)
{%- endmacro %}

{#- The instant at which a UTC day begins. -#}
{% macro day_start(day) -%}
    {{ return(adapter.dispatch('day_start', 'skillsmith')(day)) }}
{%- endmacro %}

{% macro duckdb__day_start(day) -%}
    cast({{ day }} as timestamp)
{%- endmacro %}

{% macro postgres__day_start(day) -%}
    (cast({{ day }} as timestamp) at time zone 'UTC')
{%- endmacro %}

{#- Unix seconds (possibly fractional) as an instant. -#}
{% macro to_timestamp_utc(unix_seconds) -%}
    {{ return(adapter.dispatch('to_timestamp_utc', 'skillsmith')(unix_seconds)) }}
{%- endmacro %}

{% macro duckdb__to_timestamp_utc(unix_seconds) -%}
    make_timestamp(cast(cast({{ unix_seconds }} as double) * 1000000 as bigint))
{%- endmacro %}

{% macro postgres__to_timestamp_utc(unix_seconds) -%}
    to_timestamp(cast({{ unix_seconds }} as double precision))
{%- endmacro %}

{#- Whole days from one date to a later one, as an integer. -#}
{% macro days_between(later, earlier) -%}
    cast(cast({{ later }} as date) - cast({{ earlier }} as date) as integer)
{%- endmacro %}

{#- Table expression with one column, `day`: every date from the first to the last, both included. -#}
{% macro date_series(first, last) -%}
    {{ return(adapter.dispatch('date_series', 'skillsmith')(first, last)) }}
{%- endmacro %}

{% macro duckdb__date_series(first, last) -%}
    (
        select cast(unnest(generate_series(
            cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval 1 day
        )) as date) as day
    )
{%- endmacro %}

{% macro postgres__date_series(first, last) -%}
    (
        select cast(generate_series(
            cast({{ first }} as timestamp), cast({{ last }} as timestamp), interval '1 day'
        ) as date) as day
    )
{%- endmacro %}

{#- A select-list expression that makes one row per integer from first to last, none where last < first. -#}
{% macro integer_series(first, last) -%}
    {{ return(adapter.dispatch('integer_series', 'skillsmith')(first, last)) }}
{%- endmacro %}

{% macro duckdb__integer_series(first, last) -%}
    cast(unnest(generate_series(cast({{ first }} as bigint), cast({{ last }} as bigint))) as integer)
{%- endmacro %}

{% macro postgres__integer_series(first, last) -%}
    cast(generate_series(cast({{ first }} as bigint), cast({{ last }} as bigint)) as integer)
{%- endmacro %}
