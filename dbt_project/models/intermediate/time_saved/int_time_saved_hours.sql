{{ config(materialized='incremental', incremental_strategy='append', meta={'written_by': 'analysis'}) }}

-- depends_on: {{ ref('int_time_saved_uses') }}
-- depends_on: {{ ref('int_time_saved_factors') }}

-- The rows are drawn in numpy once dbt has ended (orchestration/analysis_step.py); made here is what they are written
-- to, so that what values them has something to stand on from the first build on.
select
    cast(null as text) as account_id,
    cast(null as text) as team_id,
    cast(null as date) as period_end,
    cast(null as integer) as period_days,
    cast(null as text) as assumption_set,
    cast(null as double precision) as hours_p10,
    cast(null as double precision) as hours_p50,
    cast(null as double precision) as hours_p90,
    cast(null as double precision) as hours_naive,
    cast(null as bigint) as successes,
    cast(null as text) as weakest_grade,
    cast(null as text) as definition_version,
    cast(null as {{ timestamp_type() }}) as computed_at

where 1 = 0
