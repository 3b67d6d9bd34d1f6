{#-
Tables, and on DuckDB views, are made in place: drop and create in one transaction, which leaves the old one where the
new one fails. dbt's own way, made for engines where this cannot be and for readers of what is built, asks for
constraints that no model here has and renames twice: on DuckDB a third of the SQL time of a day's refresh.

Rows that are kept (`incremental`) likewise: what is new lies in a temporary table (or is a view) for the while, the model's strategy
takes the old rows away and puts the new ones in, and all of it is one transaction. A column that the model has and
the table has not is added to the table.
-#}

{% materialization table, adapter='duckdb' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {% do make_in_place(target_relation, create_table_as(False, target_relation, compiled_code)) %}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{% materialization table, adapter='postgres' -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {% do make_in_place(target_relation, create_table_as(False, target_relation, compiled_code)) %}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{% materialization view, adapter='duckdb' -%}
    {%- set target_relation = this.incorporate(type='view') -%}
    {% do make_in_place(target_relation, get_create_view_as_sql(target_relation, sql)) %}
    {{ return({'relations': [target_relation]}) }}
{%- endmaterialization %}

{% materialization incremental, adapter='duckdb' -%}
    {{ return(keep_in_place()) }}
{%- endmaterialization %}

{% materialization incremental, adapter='postgres' -%}
    {{ return(keep_in_place()) }}
{%- endmaterialization %}

{% macro keep_in_place() -%}
    {%- set target_relation = this.incorporate(type='table') -%}
    {% if is_incremental() -%}
        {% do add_in_place(target_relation) %}
    {%- else -%}
        {% do make_in_place(target_relation, create_table_as(False, target_relation, compiled_code)) %}
    {%- endif %}
    {{ return({'relations': [target_relation]}) }}
{%- endmacro %}

{% macro add_in_place(target_relation) -%}
    {%- set new_rows = make_temp_relation(target_relation) -%}
    {%- set strategy = adapter.get_incremental_strategy_macro(context, config.get('incremental_strategy')) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {#- What does not ask its own table can be made while it is put in. A server makes a table on more than one core. -#}
    {%- set kind = 'view' if target.type == 'duckdb' and this | string not in compiled_code else 'table' -%}
    {% call statement('new_rows') -%}
        {%- if kind == 'view' -%} {{ temporary_view(new_rows, compiled_code) }}
        {%- else -%} {{ create_table_as(True, new_rows, compiled_code) }}
        {%- endif -%}
    {%- endcall %}
    {#- The macro and not the adapter's: that would put every macro there is together to call this one. -#}
    {%- set columns = get_columns_in_relation(new_rows) -%}
    {%- set known = get_columns_in_relation(target_relation) | map(attribute='name') | list -%}
    {%- set added = columns | rejectattr('name', 'in', known) | list -%}
    {%- if added %} {% do alter_relation_add_remove_columns(target_relation, added, none) %} {%- endif -%}
    {% call statement('main') -%}
        {{ strategy({
            'target_relation': target_relation,
            'temp_relation': new_rows,
            'unique_key': config.get('unique_key'),
            'dest_columns': columns,
            'incremental_predicates': none,
        }) }};
        drop {{ kind }} {{ new_rows }}
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
{%- endmacro %}

{% macro temporary_view(relation, compiled_code) -%}
    {%- if config.get('contract').enforced -%} {{ get_assert_columns_equivalent(compiled_code) }} {%- endif -%}
    create temporary view {{ relation.include(database=False, schema=False) }} as ({{ compiled_code }})
{%- endmacro %}

{% macro make_in_place(target_relation, create) -%}
    {%- set existing_relation = load_cached_relation(target_relation) -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {% if existing_relation is not none and target.type == 'postgres' -%}
        {#- A view of it goes with it, and dbt has to know: its own model makes it again. -#}
        {% do adapter.drop_relation(existing_relation) %}
    {%- endif %}
    {% call statement('main') -%}
        {% if existing_relation is not none and target.type != 'postgres' -%}
            drop {{ existing_relation.type }} if exists {{ existing_relation }};
        {% endif -%}
        {{ create }}
    {%- endcall %}
    {%- if config.get('indexes') %} {% do create_indexes(target_relation) %} {%- endif %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
{%- endmacro %}
