with

skill_days as (

    -- Somebody in two teams uses a skill once all the same.
    select
        actor_key,
        skill_name,
        day,
        max(uses) as uses,
        max(successes) as successes,
        max(failures) as failures,
        max(unknown) as unknown

    from {{ ref('int_team_skill_days') }}

    where day > {{ last_complete_day() }} - (
        select max(lookbacks.lookback_days) from {{ lookbacks(window_lengths()) }}
    )

    group by actor_key, skill_name, day

),

of_skills as (

    select
        skill_days.actor_key,
        skill_days.skill_name,
        lookbacks.lookback_days,
        sum(skill_days.uses) as uses,
        sum(skill_days.successes) as successes,
        sum(skill_days.failures) as failures,
        sum(skill_days.unknown) as unknown,
        count(case when skill_days.successes > 0 then 1 end) as active_days

    from skill_days

    inner join {{ lookbacks(window_lengths()) }}
        on skill_days.day > {{ last_complete_day() }} - lookbacks.lookback_days

    group by skill_days.actor_key, skill_days.skill_name, lookbacks.lookback_days

),

active as (

    -- A day with two skills is one day.
    select
        active_days.actor_key,
        lookbacks.lookback_days,
        count(*) as active_days

    from (select distinct actor_key, day from skill_days where successes > 0) as active_days

    inner join {{ lookbacks(window_lengths()) }}
        on active_days.day > {{ last_complete_day() }} - lookbacks.lookback_days

    group by active_days.actor_key, lookbacks.lookback_days

),

of_all as (

    select
        actor_key,
        lookback_days,
        sum(uses) as uses,
        sum(successes) as successes,
        sum(failures) as failures,
        sum(unknown) as unknown,
        count(case when successes > 0 then 1 end) as active_skills

    from of_skills

    group by actor_key, lookback_days

),

windows as (

    select
        actor_key,
        skill_name,
        lookback_days,
        uses,
        successes,
        failures,
        unknown,
        active_days,
        case when successes > 0 then 1 else 0 end as active_skills

    from of_skills

    union all

    select
        of_all.actor_key,
        '*' as skill_name,
        of_all.lookback_days,
        of_all.uses,
        of_all.successes,
        of_all.failures,
        of_all.unknown,
        coalesce(active.active_days, 0) as active_days,
        of_all.active_skills

    from of_all

    left join active
        on of_all.actor_key = active.actor_key and of_all.lookback_days = active.lookback_days

)

select
    actor_key,
    skill_name,
    {{ last_complete_day() }} as period_end,
    cast(lookback_days as integer) as period_days,
    cast(uses as bigint) as uses,
    cast(successes as bigint) as successes,
    cast(failures as bigint) as failures,
    cast(unknown as bigint) as unknown,
    cast(active_days as bigint) as active_days,
    cast(active_skills as bigint) as active_skills,
    {{ run_started_at_utc() }} as computed_at

from windows
