{#-
Reading JSON columns: type json in DuckDB, jsonb in PostgreSQL. Every macro takes the column and the keys that lead
to the value, and gives NULL where a key is absent, JSON null or of another type.
-#}

{% macro json_text(column) -%}
    {{ return(adapter.dispatch('json_text', 'skillsmith')(column, varargs)) }}
{%- endmacro %}

{% macro duckdb__json_text(column, keys) -%}
    json_extract_string({{ column }}, '$.{% for key in keys %}"{{ key }}"{{ "." if not loop.last }}{% endfor %}')
{%- endmacro %}

{% macro postgres__json_text(column, keys) -%}
    jsonb_extract_path_text({{ column }}{% for key in keys %}, '{{ key }}'{% endfor %})
{%- endmacro %}

{#- The value itself, as JSON. -#}
{% macro json_value(column) -%}
    {{ return(adapter.dispatch('json_value', 'skillsmith')(column, varargs)) }}
{%- endmacro %}

{% macro duckdb__json_value(column, keys) -%}
    json_extract({{ column }}, '$.{% for key in keys %}"{{ key }}"{{ "." if not loop.last }}{% endfor %}')
{%- endmacro %}

{% macro postgres__json_value(column, keys) -%}
    jsonb_extract_path({{ column }}{% for key in keys %}, '{{ key }}'{% endfor %})
{%- endmacro %}

{#- The value as a plain decimal text, or NULL: what is cast must not be able to fail on a row. -#}
{% macro _numeric_text(text) -%}
    {{ return(adapter.dispatch('numeric_text', 'skillsmith')(text)) }}
{%- endmacro %}

{% macro duckdb__numeric_text(text) -%}
    case when regexp_full_match({{ text }}, '-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?') then {{ text }} end
{%- endmacro %}

{% macro postgres__numeric_text(text) -%}
    case when {{ text }} ~ '^-?[0-9]+(\.[0-9]+)?([eE][-+]?[0-9]+)?$' then {{ text }} end
{%- endmacro %}

{% macro json_number(column) -%}
    cast({{ _numeric_text(adapter.dispatch('json_text', 'skillsmith')(column, varargs)) }} as double precision)
{%- endmacro %}

{% macro json_decimal(column) -%}
    cast({{ _numeric_text(adapter.dispatch('json_text', 'skillsmith')(column, varargs)) }} as decimal(38, 12))
{%- endmacro %}

{% macro json_integer(column) -%}
    cast(cast({{ _numeric_text(adapter.dispatch('json_text', 'skillsmith')(column, varargs)) }} as decimal(38, 0)) as bigint)
{%- endmacro %}

{% macro json_boolean(column) -%}
    case lower({{ adapter.dispatch('json_text', 'skillsmith')(column, varargs) }})
        when 'true' then true when 'false' then false
    end
{%- endmacro %}

{#-
A lateral join that makes one row per element of a JSON array, with columns `value` (JSON) and `position` (from 1):
`from t cross join {{ json_elements('t.items', 'item') }}`. No row where the value is no array.
-#}
{% macro json_elements(array, alias) -%}
    {{ return(adapter.dispatch('json_elements', 'skillsmith')(array, alias)) }}
{%- endmacro %}

{% macro duckdb__json_elements(array, alias) -%}
    lateral (
        select
            unnest(json_extract({{ array }}, '$[*]')) as value,
            generate_subscripts(json_extract({{ array }}, '$[*]'), 1) as position
    ) as {{ alias }}
{%- endmacro %}

{% macro postgres__json_elements(array, alias) -%}
    lateral jsonb_array_elements(
        case when jsonb_typeof({{ array }}) = 'array' then {{ array }} else '[]'::jsonb end
    ) with ordinality as {{ alias }} (value, position)
{%- endmacro %}
