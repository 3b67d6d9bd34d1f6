{#-
Tables that are made day by day: rows of days whose inputs did not change since stay, the rest is made again. What
changed, and from which day on that bears, is written down by `int_usage_changes`; each table's own `computed_at` says
how much of that it has seen. So it matters neither which models ran before a kill, nor how far the clock moved.

A model of this kind has `incremental_strategy='remake'` and `meta={'made_by': column of the day}`, and asks for rows of
days from `remade_from()` on.
-#}

{#-
The first day of which rows must be made again, as SQL. `margin`: so many days before, where a row says something of
its distance to the clock.
-#}
{% macro remade_from(margin=0) -%}
    {%- set changes = ref('int_usage_changes') -%}
    {%- if not execute or not is_incremental() -%} {{ return(all_days()) }} {%- endif -%}
    {#- Asked once a model, not wherever it is said. -#}
    {%- if 'remade_from' not in model -%}
        {%- set day = config.get('meta')['made_by'] -%}
        {%- set question -%}
            select cast(coalesce(min(changed_from), cast('9999-12-31' as date)) as text) as day
            from {{ changes }}
            where
                kind in ('{{ (usage_inputs() + config.get('meta').get('made_of', [])) | join("', '") }}')
                and (
                    -- Whatever is made again, the newest day is: a server finds it by its index.
                    detected_at > (
                        select max(computed_at) from {{ this }}
                        where {{ day }} = (select max({{ day }}) from {{ this }})
                    )
                    or not exists (select 1 from {{ this }})
                )
        {%- endset -%}
        {%- do model.update({'remade_from': run_query(question).columns[0].values()[0]}) -%}
    {%- endif -%}
    {{ return("(cast('" ~ model['remade_from'] ~ "' as date) - " ~ margin ~ ")") }}
{%- endmacro %}

{#- Kinds of `int_usage_changes` that bear on every table; what else a table is made of is in its `meta.made_of`. -#}
{% macro usage_inputs() -%}
    {{ return(['day', 'membership', 'name', 'holiday', 'clock', 'beginning', 'definitions']) }}
{%- endmacro %}

{#- Before every day there is. -#}
{% macro all_days() -%}
    {{ return("cast('0001-01-01' as date)") }}
{%- endmacro %}

{#- What a row of a table that is made day by day was made by. -#}
{% macro made_at() -%}
    {{ run_started_at_utc() }} as computed_at
{%- endmacro %}

{% macro get_incremental_remake_sql(arg_dict) -%}
    {%- set table = arg_dict['target_relation'] -%}
    {%- set day = config.get('meta')['made_by'] -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    delete from {{ table }}
    where {{ day }} >= {{ remade_from(config.get('meta').get('margin', 0)) }}
    {%- if day == 'sampled_day' %}
        -- Nobody reads these windows any more.
        or not exists (
            select 1 from {{ ref('int_sampling_points') }} as points
            where points.lookback_days = {{ table }}.lookback_days and points.sampled_day = {{ table }}.sampled_day
        )
    {%- elif day == 'period_end' %}
        or period_end not in (select period_end from {{ ref('int_windows') }})
    {%- endif %};
    insert into {{ table }} ({{ columns }}) select {{ columns }} from {{ arg_dict['temp_relation'] }}
    {#- In the order of the days, so that the next time takes whole blocks of rows away; unordered, DuckDB also writes a
        block for each thread and batch, and all of them once more when it saves the file. -#}
    {%- if target.type != 'postgres' %} order by {{ day }} {%- endif %}
{%- endmacro %}

{#-
Before a model that joins windows: PostgreSQL takes the columns of a window's key for independent of each other, expects a
handful of rows of thousands, and would look each of them up in an index. `and_groups`: where it expects as many groups as
rows for the same reason, and would sort millions to count them.
-#}
{% macro joins_by_hash(and_groups=false) -%}
    {%- if target.type == 'postgres' -%}
        {{ with_the_workers() }} set local enable_nestloop = off; set local enable_mergejoin = off
        {%- if and_groups %}; set local enable_sort = off {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{#- Where a server has to look for single days in a table of years; DuckDB reads a column faster than an index. -#}
{% macro found_by() -%}
    {%- set indexes = [] -%}
    {%- if target.type == 'postgres' -%}
        {%- for columns in varargs -%} {%- do indexes.append({'columns': columns}) -%} {%- endfor -%}
    {%- endif -%}
    {{ return(indexes) }}
{%- endmacro %}

{#- dbt's own asks row by row whether its key is among the new ones; a list of days is looked up in the index. -#}
{% macro postgres__get_delete_insert_merge_sql(table, new_rows, unique_key, dest_columns, incremental_predicates) -%}
    {%- if target.name == 'citus' -%}
        {{ dbt.default__get_delete_insert_merge_sql(table, new_rows, unique_key, dest_columns, incremental_predicates) }}
    {%- else -%}
        {%- set columns = dest_columns | map(attribute='quoted') | join(', ') -%}
        delete from {{ table }} where {{ unique_key }} = any(array(select distinct {{ unique_key }} from {{ new_rows }}));
        insert into {{ table }} ({{ columns }}) select {{ columns }} from {{ new_rows }}
    {%- endif -%}
{%- endmacro %}
