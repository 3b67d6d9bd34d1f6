{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='day',
    indexes=found_by(['day'], ['is_day_mark']),
    meta={'window_days': co_use_days(), 'days_in': 'int_event_days', 'closed_by': ['registry_events']},
    pre_hook="{{ forget_days_before(window_start(co_use_days())) }}"
) }}

with

touched as (

    {{ touched_days(window_start(co_use_days()), last_complete_day()) }}

),

events as (

    {{ touched_skill_events() }}

)

-- What a person did under one session_id on one UTC day: a client that never changes it has a session a day.
select distinct
    day,
    actor_key,
    session_id,
    skill_name_given,
    false as is_day_mark,
    cast(null as bigint) as day_events,
    cast(null as {{ timestamp_type() }}) as day_loaded_at

from events

where
    event_type = 'telemetry:skill_invoke'
    and session_id is not null
    and is_user_initiated
    and success

union all

select
    day,
    -- Nobody: Citus puts a row where its person is, so there has to be a value.
    '' as actor_key,
    cast(null as text) as session_id,
    cast(null as text) as skill_name_given,
    true as is_day_mark,
    cast(events as bigint) as day_events,
    last_loaded_at as day_loaded_at

from touched
