{#- Skills that are used together are told over this many complete days. -#}
{% macro co_use_days() -%}
    {{ return(90) }}
{%- endmacro %}

{#- The last days, in which skills that people newly take up test what was suggested of the days before. -#}
{% macro co_use_test_days() -%}
    {{ return(28) }}
{%- endmacro %}

{#- The first day of the newest window of `days` days. -#}
{% macro window_start(days) -%}
    ({{ last_complete_day() }} - {{ days - 1 }})
{%- endmacro %}

{#- What may be named to people of other teams: no skill that the registry keeps to one team, none that it does not know. -#}
{% macro is_public_skill() -%}
    bool_and(coalesce(visibility, 'public') = 'public' and team_id is null)
{%- endmacro %}

{#- Whether one text comes before another by its code points: a server would ask its locale, and count a pair twice or not. -#}
{% macro comes_before(left, right) -%}
    {{ return(adapter.dispatch('comes_before', 'skillsmith')(left, right)) }}
{%- endmacro %}

{% macro duckdb__comes_before(left, right) -%}
    {{ left }} < {{ right }}
{%- endmacro %}

{% macro postgres__comes_before(left, right) -%}
    {{ left }} collate "C" < {{ right }}
{%- endmacro %}

{#- Before a model that keeps the days of a window alone: days that have left it go, and their sessions with them. -#}
{% macro forget_days_before(day) -%}
    {%- if is_incremental() -%} delete from {{ this }} where day < {{ day }} {%- endif -%}
{%- endmacro %}
