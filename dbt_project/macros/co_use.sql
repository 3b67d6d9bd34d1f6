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

{#- A text to order by its code points: a server would ask its locale, and another server's may say otherwise. -#}
{% macro by_code_points(text) -%}
    {{ return(adapter.dispatch('by_code_points', 'skillsmith')(text)) }}
{%- endmacro %}

{% macro duckdb__by_code_points(text) -%}
    {{ text }}
{%- endmacro %}

{% macro postgres__by_code_points(text) -%}
    {{ text }} collate "C"
{%- endmacro %}

{#-
Before a model that keeps the days of a window alone: days that have left it go, and their sessions with them. Whoever
looks back wants them again, so such a model says what it needs (`ingest.retention.DayFacts`): `meta.window_days` before
the clock's day, of the days that `meta.days_in` lists, made of raw rows whose retention is that of `meta.closed_by`.
-#}
{% macro forget_days_before(day) -%}
    {%- if is_incremental() -%} delete from {{ this }} where day < {{ day }} {%- endif -%}
{%- endmacro %}
