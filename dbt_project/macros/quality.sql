{#- A score to twelve digits: the engines differ in the last ones, and an edge has to be the same edge on both. -#}
{% macro score_digits(score) -%}
    cast(cast({{ score }} as decimal(15, 12)) as double precision)
{%- endmacro %}

{#- Before the tiers of a day are made: what an earlier run said of that day or of later ones goes. -#}
{% macro forget_tiers() -%}
    {%- if is_incremental() -%} delete from {{ this }} where day >= {{ last_complete_day() }} {%- endif -%}
{%- endmacro %}
