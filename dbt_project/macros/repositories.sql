{#- `owner/name` in lower case of a repository's address, whatever the host and whatever follows; NULL where it is none. -#}
{% macro repository_of(address) -%}
    {{ return(adapter.dispatch('repository_of', 'skillsmith')(address)) }}
{%- endmacro %}

{% macro duckdb__repository_of(address) -%}
    nullif(regexp_replace(regexp_extract(lower({{ address }}), '{{ _repository_pattern() }}', 1), '\.git$', ''), '')
{%- endmacro %}

{% macro postgres__repository_of(address) -%}
    regexp_replace(substring(lower({{ address }}) from '{{ _repository_pattern() }}'), '\.git$', '')
{%- endmacro %}

{% macro _repository_pattern() -%}
    ^(?:[a-z]+://)?(?:[^/@]+@)?[^/:]+[/:]([^/]+/[^/#?]+)
{%- endmacro %}


{#- Before a model that keeps months: those that begin after the day are not known by the clock as it is now. -#}
{% macro forget_months_after(day) -%}
    {%- if is_incremental() -%} delete from {{ this }} where month > {{ day }} {%- endif -%}
{%- endmacro %}
