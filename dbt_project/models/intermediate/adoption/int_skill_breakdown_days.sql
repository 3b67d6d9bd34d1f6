{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='day',
    indexes=found_by(['day'], ['is_day_mark']),
    meta={
        'window_days': parted_days(),
        'days_in': 'int_install_source_days',
        'closed_by': ['registry_events', 'registry_audit_logs'],
    },
    pre_hook="{{ forget_days_before(window_start(parted_days())) }}"
) }}

with

touched as (

    {{ touched_days(window_start(parted_days()), last_complete_day(), and_audited=true) }}

),

events as (

    {{ touched_skill_events(and_audited=true) }}

),

counted as (

    select
        day,
        actor_key,
        skill_name_given,
        case
            when event_type = 'telemetry:skill_invoke' then 'sdk_version'
            when event_type = 'telemetry:skill_uninstall' then 'uninstalled'
            when success then 'installed'
            when not success then 'install_error'
            else 'install_unknown'
        end as breakdown,
        -- `*` stands for all values, whatever a client calls its version.
        case
            when event_type = 'telemetry:skill_invoke' then coalesce(nullif(sdk_version, '*'), 'unknown')
            when event_type = 'telemetry:skill_install' and not success
                then coalesce(nullif(error_code, '*'), 'unknown')
            else '*'
        end as value

    from events

    where
        (event_type = 'telemetry:skill_invoke' and is_user_initiated)
        -- What an administrator rolls out, or takes back, is nobody's own install.
        or (
            coalesce(source, '') <> 'admin_bulk'
            and (
                event_type = 'telemetry:skill_install'
                or (event_type = 'telemetry:skill_uninstall' and coalesce(success, true))
            )
        )

)

select
    day,
    actor_key,
    skill_name_given,
    breakdown,
    value,
    cast(count(*) as bigint) as events,
    false as is_day_mark,
    cast(null as bigint) as day_events,
    cast(null as {{ timestamp_type() }}) as day_loaded_at

from counted

group by day, actor_key, skill_name_given, breakdown, value

union all

select
    day,
    -- Nobody: Citus puts a row where its person is, so there has to be a value.
    '' as actor_key,
    cast(null as text) as skill_name_given,
    cast(null as text) as breakdown,
    cast(null as text) as value,
    cast(0 as bigint) as events,
    true as is_day_mark,
    cast(events as bigint) as day_events,
    last_loaded_at as day_loaded_at

from touched
