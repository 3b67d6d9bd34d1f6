{#-
Tables, and on DuckDB views, are made in place: drop and create in one transaction, which leaves the old one where the
new one fails. dbt's own way, made for engines where this cannot be and for readers of what is built, asks for
constraints and indexes that no model here has and renames twice: on DuckDB a third of the SQL time of a day's refresh.
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
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
{%- endmacro %}
