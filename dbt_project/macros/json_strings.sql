{#- A JSON value that is itself a string, as text; NULL where it is an object, an array or absent. -#}
{% macro json_element_text(value) -%}
    {{ return(adapter.dispatch('json_element_text', 'skillsmith')(value)) }}
{%- endmacro %}

{% macro duckdb__json_element_text(value) -%}
    case when json_type({{ value }}) = 'VARCHAR' then json_extract_string({{ value }}, '$') end
{%- endmacro %}

{% macro postgres__json_element_text(value) -%}
    case when jsonb_typeof({{ value }}) = 'string' then {{ value }} #>> '{}' end
{%- endmacro %}
