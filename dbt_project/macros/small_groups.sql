{#-
How many people a figure is of, where a figure can be told apart into parts: the smallest part that has anybody. What
`parts` holds is, by figure, its parts as SQL of a row, none of them below zero; at most thirty in all.
-#}

{#- Which of the parts a row has any of, a bit for each: over the rows of a person they are joined by `bit_or`. -#}
{% macro having_any(parts) -%}
    {%- for part in _all_parts(parts) -%}
        case when {{ part }} > 0 then {{ 2 ** loop.index0 }} else 0 end{{ ' + ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#-
Of rows of one person each, with their bits of `parts` as `has_any`: `least_people_<figure>` of `figures`, which are made of
some of these parts; NULL where nobody has anything.
-#}
{% macro least_people(parts, figures) -%}
    {%- set all = _all_parts(parts) -%}
    {%- for figure, cut in figures.items() -%}
        least(
        {%- for part in cut -%}
            nullif(count(nullif(has_any & {{ 2 ** all.index(part) }}, 0)), 0){{ ', ' if not loop.last }}
        {%- endfor -%}
        ) as least_people_{{ figure }}{{ ',\n        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{% macro _all_parts(parts) -%}
    {%- set all = [] -%}
    {%- for cut in parts.values() -%}{%- do all.extend(cut) -%}{%- endfor -%}
    {{ return(all) }}
{%- endmacro %}
