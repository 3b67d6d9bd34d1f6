{#-
What each day of a raw table that grows with time holds, and rows of single days out of it. DuckDB counts its columns
anew faster than anything could be kept, but for days whose rows have passed their retention; on PostgreSQL every merge keeps `raw.days`, so that only the clock's own day,
which is not over, is counted here, and rows of a few days are looked for between the first and the last of them.
-#}

{#- Table expression with day, row_count and last_loaded_at of a staging model with rows before the clock. -#}
{% macro raw_days(table_name, staged, time) -%}
    {{ return(adapter.dispatch('raw_days', 'skillsmith')(table_name, staged, time)) }}
{%- endmacro %}

{#- A day whose rows retention removed counts as it did, so that what was built of it stays. -#}
{% macro default__raw_days(table_name, staged, time) -%}
    (
        select
            {{ utc_day(time) }} as day,
            count(*) as row_count,
            max(loaded_at) as last_loaded_at
        from {{ staged }}
        group by {{ utc_day(time) }}
        union all
        select
            day,
            row_count,
            last_loaded_at
        from {{ source('operations', 'expired_days') }} where table_name = '{{ table_name }}'
    )
{%- endmacro %}

{% macro postgres__raw_days(table_name, staged, time) -%}
    {%- set today = "cast('" ~ var('as_of')[:10] ~ "' as date)" -%}
    {%- set kept = source('operations', 'days') ~ " where table_name = '" ~ table_name ~ "'" -%}
    (
        select
            day,
            row_count,
            last_loaded_at
        from {{ kept }} and day < {{ today }} and row_count > 0
        union all
        select
            {{ utc_day(time) }} as day,
            count(*) as row_count,
            max(loaded_at) as last_loaded_at
        from {{ staged }}
        -- Rows that no merge brought are in no list of days: then all of them are counted.
        where {{ time }} >= {{ timestamp_literal(var('as_of')[:10] ~ ' 00:00:00') }} and exists (select 1 from {{ kept }})
        group by {{ utc_day(time) }}
        union all
        select
            {{ utc_day(time) }} as day,
            count(*) as row_count,
            max(loaded_at) as last_loaded_at
        from {{ staged }}
        where not exists (select 1 from {{ kept }})
        group by {{ utc_day(time) }}
    )
{%- endmacro %}

{#- The condition that a row (its time, and its UTC day) is of a day of a relation with a column `day`. -#}
{% macro is_of_day(time, its_day, days) -%}
    {{ return(adapter.dispatch('is_of_day', 'skillsmith')(time, its_day, days)) }}
{%- endmacro %}

{#- DuckDB reads JSON before it joins: only bounds that stand in the text keep it from doing so for every row there is. -#}
{% macro duckdb__is_of_day(time, its_day, days) -%}
    {{ its_day }} = {{ days }}.day
    {%- if 'touched' in model %}
    and {{ time }} >= {{ day_start("cast('" ~ (model['touched']['first_day'] or '9999-12-31') ~ "' as date)") }}
    and {{ time }} < {{ day_start("cast('" ~ (model['touched']['last_day'] or '0001-01-01') ~ "' as date) + 1") }}
    {%- endif %}
{%- endmacro %}

{#- The outer bounds are known before the first row is read: by them chunks are left out whatever the join. -#}
{% macro postgres__is_of_day(time, its_day, days) -%}
    {{ its_day }} = {{ days }}.day
    and {{ time }} >= (select {{ day_start('min(day)') }} from {{ days }})
    and {{ time }} < (select {{ day_start('max(day) + 1') }} from {{ days }})
{%- endmacro %}

{#- The condition that a time is no more than a day before the first or after the last day of a relation. -#}
{% macro is_around(time, days) -%}
    {{ return(adapter.dispatch('is_around', 'skillsmith')(time, days)) }}
{%- endmacro %}

{% macro duckdb__is_around(time, days) -%}
    {%- if 'touched' not in model -%} true
    {%- else -%}
    {{ time }} >= {{ day_start("cast('" ~ (model['touched']['first_day'] or '9999-12-31') ~ "' as date) - 1") }}
    and {{ time }} < {{ day_start("cast('" ~ (model['touched']['last_day'] or '0001-01-01') ~ "' as date) + 2") }}
    {%- endif -%}
{%- endmacro %}

{% macro postgres__is_around(time, days) -%}
    {{ time }} >= (select {{ day_start('min(day) - 1') }} from {{ days }})
    and {{ time }} < (select {{ day_start('max(day) + 2') }} from {{ days }})
{%- endmacro %}

{#- Before an incremental model of days runs: days that no raw row stands behind, or not by the clock as it is now, go. -#}
{% macro forget_days(table_name) -%}
    {%- if is_incremental() -%}
        {%- set kept = source('operations', 'days') ~ " where table_name = '" ~ table_name ~ "'" -%}
        delete from {{ this }}
        where day >= cast('{{ var("as_of")[:10] }}' as date)
            or day in (select day from {{ kept }} and row_count <= 0)
            or not exists (select 1 from {{ kept }})
    {%- endif -%}
{%- endmacro %}
