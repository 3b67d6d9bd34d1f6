with

targets as (

    select * from {{ reference('plan_targets') }} as plan_targets

),

figures as (

    -- The other success metrics of the plan are of the whole company, and no team's figure can be held against them.
    select
        'recommendation_acceptance' as metric,
        'team_recommendations' as table_name,
        'acceptance_rate' as column_name

)

select
    figures.table_name,
    figures.column_name,
    targets.quarter,
    targets.metric,
    targets.target,
    targets.unit,
    targets.direction,
    {{ metric_columns() }}

from targets
inner join figures on targets.metric = figures.metric

where targets.target is not null
