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

    where day > {{ last_complete_day() }} - 2 * (
        select max(lookbacks.lookback_days) from {{ lookbacks(window_lengths()) }}
    )

    group by actor_key, skill_name, day

),

of_skills as (

    select
        skill_days.actor_key,
        skill_days.skill_name,
        lookbacks.lookback_days,
        skill_days.day <= {{ last_complete_day() }} - lookbacks.lookback_days as is_previous,
        sum(skill_days.uses) as uses,
        sum(skill_days.successes) as successes,
        sum(skill_days.failures) as failures,
        sum(skill_days.unknown) as unknown,
        count(case when skill_days.successes > 0 then 1 end) as active_days

    from skill_days

    inner join {{ lookbacks(window_lengths()) }}
        on skill_days.day > {{ last_complete_day() }} - 2 * lookbacks.lookback_days

    group by skill_days.actor_key, skill_days.skill_name, lookbacks.lookback_days, is_previous

),

active as (

    -- A day with two skills is one day.
    select
        active_days.actor_key,
        lookbacks.lookback_days,
        active_days.day <= {{ last_complete_day() }} - lookbacks.lookback_days as is_previous,
        count(*) as active_days

    from (select distinct actor_key, day from skill_days where successes > 0) as active_days

    inner join {{ lookbacks(window_lengths()) }}
        on active_days.day > {{ last_complete_day() }} - 2 * lookbacks.lookback_days

    group by active_days.actor_key, lookbacks.lookback_days, is_previous

),

of_all as (

    select
        actor_key,
        lookback_days,
        is_previous,
        sum(uses) as uses,
        sum(successes) as successes,
        sum(failures) as failures,
        sum(unknown) as unknown,
        count(case when successes > 0 then 1 end) as active_skills

    from of_skills

    group by actor_key, lookback_days, is_previous

),

seated as (

    -- Who goes from one team to another without a day between them was there all along.
    {{ merged_spans(ref('int_seat_spans'), ['actor_key']) }}

),

-- Whom the period before can be compared of: the data was there, and the person had a seat on each day of both.
comparable as (

    select
        seated.actor_key,
        periods.period_days

    from seated

    inner join {{ ref('int_windows') }} as periods
        on
            seated.first_day <= periods.period_end - 2 * periods.period_days + 1
            and seated.last_day >= periods.period_end
            and periods.is_previous_covered
            and periods.period_end = {{ last_complete_day() }}

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
        case when successes > 0 then 1 else 0 end as active_skills,
        cast(null as bigint) as previous_uses,
        cast(null as bigint) as previous_successes,
        cast(null as bigint) as previous_active_days,
        cast(null as bigint) as previous_active_skills

    from of_skills

    where not is_previous

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
        of_all.active_skills,
        case when comparable.actor_key is not null then coalesce(of_previous.uses, 0) end as previous_uses,
        case when comparable.actor_key is not null then coalesce(of_previous.successes, 0) end as previous_successes,
        case
            when comparable.actor_key is not null then coalesce(active_before.active_days, 0)
        end as previous_active_days,
        case
            when comparable.actor_key is not null then coalesce(of_previous.active_skills, 0)
        end as previous_active_skills

    from of_all

    left join active
        on
            of_all.actor_key = active.actor_key
            and of_all.lookback_days = active.lookback_days
            and not active.is_previous

    left join of_all as of_previous
        on
            of_all.actor_key = of_previous.actor_key
            and of_all.lookback_days = of_previous.lookback_days
            and of_previous.is_previous

    left join active as active_before
        on
            of_all.actor_key = active_before.actor_key
            and of_all.lookback_days = active_before.lookback_days
            and active_before.is_previous

    left join comparable
        on of_all.actor_key = comparable.actor_key and of_all.lookback_days = comparable.period_days

    where not of_all.is_previous

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
    cast(previous_uses as bigint) as previous_uses,
    cast(previous_successes as bigint) as previous_successes,
    cast(previous_active_days as bigint) as previous_active_days,
    cast(previous_active_skills as bigint) as previous_active_skills,
    {{ run_started_at_utc() }} as computed_at

from windows
