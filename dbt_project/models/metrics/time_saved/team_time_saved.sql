{{ config(materialized='view') }}

with

hours as (

    select * from {{ ref('int_time_saved_hours') }}

),

settings as (

    -- One of the two alone makes no money.
    select * from {{ ref('int_time_saved_values') }}

    where hourly_rate_cents is not null and recapture_share is not null

),

changes as (

    select
        windows.period_end,
        max(log.detected_at) as detected_at

    from (select distinct period_end from {{ ref('int_windows') }}) as windows

    inner join {{ ref('int_usage_changes') }} as log
        on windows.period_end >= log.changed_from

    where log.kind = 'time_value'

    group by windows.period_end

),

valued as (

    select
        hours.*,
        settings.hourly_rate_cents,
        settings.recapture_share,
        settings.valid_from,
        changes.detected_at

    from hours

    -- What nobody measured, and was assumed to be nothing, is not worth nothing: it is not known.
    left join settings
        on
            hours.account_id = settings.account_id
            and hours.period_end >= settings.valid_from
            and (settings.valid_to is null or hours.period_end < settings.valid_to)
            and not (hours.weakest_grade = 'assumed' and hours.hours_p10 = 0 and hours.hours_p90 = 0)

    left join changes
        on hours.period_end = changes.period_end

)

select
    account_id,
    team_id,
    period_end,
    period_days,
    assumption_set,
    hours_p10,
    hours_p50,
    hours_p90,
    hours_naive,
    successes,
    weakest_grade,
    {{ worth_in_cents('hours_p10', 'hourly_rate_cents', 'recapture_share') }} as value_cents_p10,
    {{ worth_in_cents('hours_p50', 'hourly_rate_cents', 'recapture_share') }} as value_cents_p50,
    {{ worth_in_cents('hours_p90', 'hourly_rate_cents', 'recapture_share') }} as value_cents_p90,
    hourly_rate_cents,
    recapture_share,
    valid_from as value_valid_from,
    definition_version,
    -- Publishing looks for days that were made again, and a new rate makes the days from its own on.
    greatest(computed_at, detected_at) as computed_at

from valued
