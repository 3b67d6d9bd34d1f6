with

assumptions as (

    select * from {{ ref('int_time_saved_assumptions') }}

),

factors as (

    select
        assumption_set,
        max(case when factor = 'kept' then low end) as kept_low,
        max(case when factor = 'kept' then mode end) as kept_mode,
        max(case when factor = 'kept' then high end) as kept_high,
        max(case when factor = 'incremental' then low end) as incremental_low,
        max(case when factor = 'incremental' then mode end) as incremental_mode,
        max(case when factor = 'incremental' then high end) as incremental_high

    from {{ ref('int_time_saved_factors') }}

    group by assumption_set

)

select
    assumptions.assumption_set,
    assumptions.skill_name,
    assumptions.valid_from,
    assumptions.valid_to,
    assumptions.low,
    assumptions.mode,
    assumptions.high,
    assumptions.grade,
    assumptions.source,
    assumptions.replaced_grade,
    factors.kept_low,
    factors.kept_mode,
    factors.kept_high,
    factors.incremental_low,
    factors.incremental_mode,
    factors.incremental_high,
    {{ metric_columns() }}

from assumptions

left join factors
    on assumptions.assumption_set = factors.assumption_set

where assumptions.valid_to is null
