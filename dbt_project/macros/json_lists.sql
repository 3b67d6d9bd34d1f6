{#- JSON values that are arrays; each macro gives NULL where the value is absent, JSON null or no array. -#}

{#- How many elements it has. -#}
{% macro json_length(value) -%}
    {{ return(adapter.dispatch('json_length', 'skillsmith')(value)) }}
{%- endmacro %}

{% macro duckdb__json_length(value) -%}
    case when json_type({{ value }}) = 'ARRAY' then cast(json_array_length({{ value }}) as integer) end
{%- endmacro %}

{% macro postgres__json_length(value) -%}
    case when jsonb_typeof({{ value }}) = 'array' then jsonb_array_length({{ value }}) end
{%- endmacro %}

{#- Its first element as text. -#}
{% macro json_first_text(value) -%}
    {{ return(adapter.dispatch('json_first_text', 'skillsmith')(value)) }}
{%- endmacro %}

{% macro duckdb__json_first_text(value) -%}
    json_extract_string({{ value }}, '$[0]')
{%- endmacro %}

{% macro postgres__json_first_text(value) -%}
    ({{ value }} ->> 0)
{%- endmacro %}
