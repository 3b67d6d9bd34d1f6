{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='month',
    indexes=found_by(['month']),
    pre_hook="{{ forget_months_after(last_complete_day()) }}"
) }}

with

months as (

    select
        {{ month_start('day') }} as month,
        cast(sum(row_count) as bigint) as month_snapshots,
        max(last_loaded_at) as month_loaded_at

    from {{ raw_days('github_repositories', ref('stg_github__repositories'), day_start('snapshot_day')) }} as days

    where day <= {{ last_complete_day() }}

    group by {{ month_start('day') }}

),

touched as (

    -- Months of which the warehouse holds another number of snapshots, or a newer load, than were read.
    select months.*

    from months
    {% if is_incremental() %}
    left join (select distinct month, month_snapshots, month_loaded_at from {{ this }}) as built
        on months.month = built.month

    where
        (
            built.month is null
            or built.month_snapshots <> months.month_snapshots
            or built.month_loaded_at <> months.month_loaded_at
        )
        -- What retention took cannot be read again.
        and not exists (
            select 1 from {{ source('operations', 'retention_runs') }} as closed

            where closed.table_name = 'github_repositories' and months.month < closed.kept_from
        )
    {% endif %}
),

named as (

    select
        lower(snapshots.full_name) as repository,
        snapshots.repository_id,
        touched.month,
        max(snapshots.snapshot_day) as named_on,
        touched.month_snapshots,
        touched.month_loaded_at

    from {{ ref('stg_github__repositories') }} as snapshots

    inner join touched
        on {{ month_start('snapshots.snapshot_day') }} = touched.month

    -- Chunks of other months are not even opened.
    where
        snapshots.snapshot_day >= (select min(month) from touched)
        and snapshots.snapshot_day <= {{ last_complete_day() }}
        -- Where the name stands for the id, it says nothing of it.
        and snapshots.full_name like '%/%'
        and snapshots.repository_id not like '%/%'

    group by
        lower(snapshots.full_name),
        snapshots.repository_id,
        touched.month,
        touched.month_snapshots,
        touched.month_loaded_at

)

select * from named
