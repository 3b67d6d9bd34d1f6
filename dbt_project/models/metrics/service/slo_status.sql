{%- set short = {'1h': 60, '6h': 360, '1d': 1440, '3d': 4320} -%}
{%- set windows = ['30d', '1h', '6h', '1d', '3d'] -%}
with

objectives as (

    select
        objective,
        indicator,
        threshold_ms,
        target,
        -- Subtracted as decimals: 1 - 0.999 in binary is not 0.001.
        cast(1 - cast(target as decimal(12, 9)) as double precision) as budget

    from {{ reference('slo_objectives') }} as slo_objectives

),

coverage as (

    select * from {{ ref('int_slo_coverage') }}

),

counts as (

    select * from {{ ref('int_slo_counts') }}

),

judged as (

    select
        objectives.objective,
        objectives.target,
        objectives.budget,
        coverage.account_id,
        coverage.expected_minutes,
        coverage.covered_minutes
        {%- for window in short %},
        coverage.covered_minutes_{{ window }}
        {%- endfor %}
        {%- for window in windows %},
        coalesce(counts.valid_{{ window }}, 0) as valid_{{ window }},
        coalesce(
            case
                when objectives.indicator = 'not_bad' then counts.valid_{{ window }} - counts.bad_{{ window }}
                {%- for bound in [50, 75, 100, 200, 500, 1000] %}
                when objectives.threshold_ms = {{ bound }} then counts.under_{{ bound }}_ms_{{ window }}
                {%- endfor %}
            end,
            0
        ) as good_{{ window }}
        {%- endfor %}

    from objectives
    cross join coverage
    left join counts on coverage.account_id = counts.account_id

),

rated as (

    select
        objective,
        account_id,
        target,
        good_30d,
        valid_30d,
        {{ ratio('good_30d', 'valid_30d') }} as sli,
        {{ ratio('covered_minutes', 'expected_minutes') }} as coverage,
        -- The bad share over the budget; more than 1 over the whole window spends more than there is.
        cast(valid_30d - good_30d as double precision)
        / nullif(cast(valid_30d as double precision) * budget, 0) as burn_30d
        {%- for window, length in short.items() %},
        -- What was hardly watched is not quiet: no verdict below 90% of its minutes.
        case
            when covered_minutes_{{ window }} >= 0.9 * {{ length }}
                then
                    cast(valid_{{ window }} - good_{{ window }} as double precision)
                    / nullif(cast(valid_{{ window }} as double precision) * budget, 0)
        end as burn_{{ window }}
        {%- endfor %}

    from judged

)

select
    objective,
    account_id,
    {{ as_of() }} as as_of,
    target,
    cast(good_30d as bigint) as good,
    cast(valid_30d as bigint) as valid,
    sli,
    burn_30d as budget_consumed,
    1 - burn_30d as budget_left,
    burn_1h,
    burn_6h,
    burn_1d,
    burn_3d,
    coverage,
    case
        when coverage < 0.9 or valid_30d = 0 then 'no data'
        when 1 - burn_30d < 0 then 'breached'
        when 1 - burn_30d < 0.25 then 'at risk'
        else 'ok'
    end as state,
    {{ metric_columns() }}

from rated
