{#- PostgreSQL plans a join by what it knows of its tables, and of one that was just made it knows nothing. -#}
{% macro know_rows(relation) -%}
    {%- if target.type == 'postgres' and model.config.materialized != 'view' -%} analyze {{ relation }} {%- endif -%}
{%- endmacro %}
