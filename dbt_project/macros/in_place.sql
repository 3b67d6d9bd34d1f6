{#-
Tables and views of DuckDB are made in place: drop and create in one transaction, which leaves the old one where the
new one fails. dbt-duckdb's own way, made for engines where this cannot be, asks for constraints and indexes that no
model here has and renames twice: a third of the SQL time of a day's refresh.
-#}

{% materialization table, adapter='duckdb' -%}
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
    {% call statement('main') -%}
        {% if existing_relation is not none -%}
            drop {{ existing_relation.type }} if exists {{ existing_relation }};
        {% endif -%}
        {{ create }}
    {%- endcall %}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {{ adapter.commit() }}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
{%- endmacro %}
