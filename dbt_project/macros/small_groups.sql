{#-
Whether a figure is of one person, where it can be told apart into parts: the smallest part that has anybody. What
`parts` holds is, by figure, its parts as SQL of a row, none of them below zero.
-#}

{#- Room for so many parts: two lengths of a window share a number of 64 bits. -#}
{% macro part_bits() -%} {{ return(30) }} {%- endmacro %}

{#- Which of the parts a row has any of, a bit for each: over the rows of a person they are joined by `bit_or`. -#}
{% macro having_any(parts) -%}
    {%- for part in _all_parts(parts) -%}
        case when {{ part }} > 0 then {{ 2 ** loop.index0 }} else 0 end{{ ' + ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#-
Of the bits of `parts` those that anybody has as `has_any` and those that a second person has as `has_again`:
`least_people_<figure>` of `figures`, which are made of some of these parts: 1, or 2 for two people or more; NULL where
nobody has anything.
-#}
{% macro least_people(parts, figures) -%}
    {%- set all = _all_parts(parts) -%}
    {%- for figure, cut in figures.items() -%}
        {%- set bits = namespace(of_figure=0) -%}
        {%- for part in cut -%} {%- set bits.of_figure = bits.of_figure + 2 ** all.index(part) -%} {%- endfor -%}
        cast(case
            when has_any & ~coalesce(has_again, 0) & {{ bits.of_figure }} <> 0 then 1
            when has_any & {{ bits.of_figure }} <> 0 then 2
        end as bigint) as least_people_{{ figure }}{{ ',\n        ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{% macro _all_parts(parts) -%}
    {%- set all = [] -%}
    {%- for cut in parts.values() -%}{%- do all.extend(cut) -%}{%- endfor -%}
    {%- if all | length > part_bits() -%}
        {{ exceptions.raise_compiler_error(all | length ~ " parts, and a number has room for " ~ part_bits()) }}
    {%- endif -%}
    {{ return(all) }}
{%- endmacro %}
