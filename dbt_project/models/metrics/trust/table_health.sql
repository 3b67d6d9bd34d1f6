{{ config(tags=['after_checks']) }}
-- depends_on: {{ ref('mrr_bridge') }}, {{ ref('arr_plan') }}
with

lineage as not materialized (

    select * from {{ ref('int_table_lineage') }}

),

arrivals as (

    select * from {{ ref('int_raw_arrivals') }}

),

builds as (

    select * from {{ source('operations', 'builds') }}

),

results as (

    select
        lineage.table_name,
        results.build_id,
        results.check_name,
        results.severity,
        results.status

    from {{ source('operations', 'check_results') }} as results
    inner join lineage on results.table_name = lineage.upstream

),

tables as (

    select distinct table_name from lineage

),

behind as (

    -- Master data says how far a table reaches only where no events stand behind it.
    select
        lineage.table_name,
        arrivals.*,
        min(case when arrivals.is_master then 1 else 0 end) over (partition by lineage.table_name) as only_masters

    from lineage
    inner join arrivals on lineage.upstream = arrivals.raw_table

),

reach as (

    select
        table_name,
        min(data_until) as data_until,
        max(freshness_minutes) as freshness_minutes,
        min(limit_minutes) as freshness_limit_minutes,
        min(case when has_arrived then 1 else 0 end) = 1 as has_arrived,
        max(case when freshness_minutes > limit_minutes then 1 else 0 end) = 1 as is_stale

    from behind

    where only_masters = 1 or not is_master

    group by table_name

),

checked as (

    select
        table_name,
        count(*) as checks,
        sum(case when severity = 'blocking' and status <> 'passed' then 1 else 0 end) as blocking_failures,
        sum(case when severity = 'warning' and status <> 'passed' then 1 else 0 end) as warnings,
        max(case when check_name = 'rows_of_the_last_day' then case when status = 'passed' then 0 else 1 end end) as volume_failed

    from results

    where build_id = '{{ var("build_id", "") }}'

    group by table_name

),

deliveries as (

    -- Only where the source says how many rows there should be; a file that was delivered again counts as it is now.
    select
        source,
        entity,
        rows_seen,
        rows_claimed,
        row_number() over (partition by source, entity, file_name order by finished_at desc) as newest

    from {{ source('operations', 'import_ledger') }}

    where outcome = 'loaded'

),

complete as (

    -- What one file has too many is not what another lacks, and neither is one source's another's.
    select
        source,
        entity,
        {{ ratio('sum(least(rows_seen, rows_claimed))', 'sum(rows_claimed)') }} as completeness

    from deliveries

    where newest = 1 and rows_claimed is not null

    group by source, entity

),

delivered as (

    select
        lineage.table_name,
        min(complete.completeness) as completeness

    from complete
    inner join lineage on lineage.upstream = 'raw.' || complete.source || '_' || complete.entity

    group by lineage.table_name

),

covered as (

    select
        'availability_daily' as table_name,
        {{ ratio('sum(covered_minutes)', 'sum(expected_minutes)') }} as coverage

    from {{ ref('availability_daily') }}

    where day = {{ last_complete_day() }}

    union all

    select
        'slo_status' as table_name,
        min(coverage) as coverage

    from {{ ref('slo_status') }}

    where account_id = '*'

),

failed_builds as (

    select distinct
        table_name,
        build_id

    from results

    where severity = 'blocking' and status <> 'passed'

),

good as (

    -- The newest build whose value may be shown: published, or this one.
    select
        tables.table_name,
        max(builds.as_of) as last_good_at

    from tables
    cross join builds
    left join failed_builds
        on tables.table_name = failed_builds.table_name and builds.build_id = failed_builds.build_id

    where
        failed_builds.build_id is null
        and (builds.outcome = 'published' or builds.build_id = '{{ var("build_id", "") }}')

    group by tables.table_name

),

judged as (

    select
        tables.table_name,
        reach.data_until,
        reach.freshness_minutes,
        reach.freshness_limit_minutes,
        coalesce(checked.blocking_failures, 0) as blocking_failures,
        coalesce(checked.warnings, 0) as warnings,
        coalesce(checked.checks, 0) as checks,
        coalesce(reach.has_arrived, true) as has_arrived,
        coalesce(reach.is_stale, false) as is_stale,
        delivered.completeness,
        case checked.volume_failed when 0 then 'ok' when 1 then 'low' else 'unknown' end as volume_state,
        covered.coverage,
        good.last_good_at

    from tables
    left join reach on tables.table_name = reach.table_name
    left join checked on tables.table_name = checked.table_name
    left join delivered on tables.table_name = delivered.table_name
    left join covered on tables.table_name = covered.table_name
    left join good on tables.table_name = good.table_name

)

select
    table_name,
    data_until,
    freshness_minutes,
    freshness_limit_minutes,
    cast(blocking_failures as bigint) as blocking_failures,
    cast(warnings as bigint) as warnings,
    cast(completeness as double precision) as completeness,
    volume_state,
    coverage,
    -- Never green by default: without data or without a check nothing is known.
    case
        when blocking_failures > 0 then 'red'
        when not has_arrived or checks = 0 then 'grey'
        when is_stale or warnings > 0 or completeness < 1 or volume_state = 'low' or coverage < 0.9 then 'amber'
        else 'green'
    end as badge,
    last_good_at,
    {{ metric_columns() }}

from judged
