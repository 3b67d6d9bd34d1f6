{#-
Where rows lie on Citus. A model whose `meta` has `distributed_by` is spread over the workers by that column, and tables
that are spread by the same kind of value lie together; any other model is on every worker whole, but for one that
something else fills (`written_by`), which stays with the coordinator. The other engines are asked for nothing: target
`citus` alone differs from plain PostgreSQL.
-#}

{#- The condition that an event has a person: on Citus one without lies by its own id, marked by a tilde (warehouse/citus.py). -#}
{% macro is_person(actor_key) -%}
    {%- if target.name == 'citus' -%} {{ actor_key }} not like '~%' {%- else -%} {{ actor_key }} is not null {%- endif -%}
{%- endmacro %}

{#- Before what a model sets for its transaction: on Citus the workers, who plan what each of them joins, are to have it too. -#}
{% macro with_the_workers() -%}
    {%- if target.name == 'citus' -%} set local citus.propagate_set_commands = 'local'; {%- endif -%}
{%- endmacro %}

{#- The call that places a table that was just made and is still empty. -#}
{% macro place(relation) -%}
    {%- set column = config.get('meta', {}).get('distributed_by') -%}
    {%- if config.get('meta', {}).get('written_by') -%} select 1
    {%- elif column -%} select create_distributed_table('{{ relation }}', '{{ column }}')
    {%- else -%} select create_reference_table('{{ relation }}') {%- endif -%}
{%- endmacro %}

{#- `create table as` would leave the rows with the coordinator: make it empty, place it, fill it. -#}
{% macro postgres__create_table_as(temporary, relation, sql) -%}
    {%- if target.name != 'citus' -%}
        {{ dbt.postgres__create_table_as(temporary, relation, sql) }}
    {%- else -%}
        {%- if config.get('contract').enforced -%}
            {{ get_assert_columns_equivalent(sql) }}
            create table {{ relation }} {{ get_table_columns_and_constraints() }};
            {%- set sql = get_select_subquery(sql) -%}
        {%- else -%}
            create table {{ relation }} as ({{ sql }}) with no data;
        {%- endif %}
        {{ place(relation) }};
        insert into {{ relation }} {{ sql }};
    {%- endif -%}
{%- endmacro %}

{#- A temporary table cannot be spread, so on Citus what an incremental model brings is an ordinary table for the while. -#}
{% macro postgres__make_temp_relation(base_relation, suffix) -%}
    {%- if target.name == 'citus' -%}
        {{ return(dbt.postgres__make_relation_with_suffix(base_relation, suffix, dstring=True)) }}
    {%- else -%}
        {{ return(dbt.postgres__make_temp_relation(base_relation, suffix)) }}
    {%- endif -%}
{%- endmacro %}
