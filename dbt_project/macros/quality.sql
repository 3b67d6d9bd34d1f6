{#- A score to twelve digits: the engines differ in the last ones, and an edge has to be the same edge on both. -#}
{% macro score_digits(score) -%}
    cast(cast({{ score }} as decimal(15, 12)) as double precision)
{%- endmacro %}

{#- Before the tiers of a day are made: what the last look back said goes, and what an earlier run said of that day if it is the newest. -#}
{% macro forget_tiers() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where
            kind = 'look back'
            or (
                day = {{ last_complete_day() }}
                and not exists (
                    select 1 from {{ this }} as later
                    where later.day > {{ last_complete_day() }} and later.kind <> 'look back'
                )
            )
    {%- endif -%}
{%- endmacro %}
