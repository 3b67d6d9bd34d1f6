{#- The last columns of every metrics model: which definition made the row, and when the run started. -#}
{% macro metric_columns() -%}
    cast('{{ model.config.get("meta", {}).get("metric", {}).get("version", 1) }}' as text) as definition_version,
    {{ run_started_at_utc() }} as computed_at
{%- endmacro %}
