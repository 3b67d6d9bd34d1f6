{#- The layer's name is the schema's name: no prefix of a target or a user, so that every room finds the same tables. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ target.schema if custom_schema_name is none else custom_schema_name | trim }}
{%- endmacro %}
