{%- set signals = ['usage', 'rating', 'maintenance', 'security', 'documentation', 'compatibility', 'performance'] -%}
with

weights as (

    select
        {%- for signal in signals %}
        coalesce(max(case when signal = '{{ signal }}' then cast(weight as decimal(9, 6)) end), 0) as {{ signal }}
        {{- ',' if not loop.last }}
        {%- endfor %}

    from {{ reference('quality_weights') }} as quality_weights

),

sums as (

    -- As decimals: sums of these are exact, and so are 60 % of coverage.
    select
        known.skill_name,
        {% for signal in signals -%}
            weights.{{ signal }}{{ ' + ' if not loop.last }}
        {%- endfor %} as weight,
        {% for signal in signals -%}
            case when known.{{ signal }}_score is null then 0 else weights.{{ signal }} end{{ ' + ' if not loop.last }}
        {%- endfor %} as known_weight,
        {% for signal in signals -%}
            coalesce(weights.{{ signal }} * cast(known.{{ signal }}_score as decimal(15, 12)), 0){{ ' + ' if not loop.last }}
        {%- endfor %} as weighted

    from {{ ref('int_skill_signals') }} as known

    cross join weights

)

select
    skill_name,
    {{ score_digits(ratio('known_weight', 'weight')) }} as coverage,
    {{ score_digits(ratio('weighted', 'known_weight')) }} as score,
    {{ score_digits(ratio('weighted', 'weight')) }} as score_low,
    {{ score_digits(ratio('weighted + 100 * (weight - known_weight)', 'weight')) }} as score_high,
    10 * known_weight >= 6 * weight and known_weight > 0 as is_evident

from sums
