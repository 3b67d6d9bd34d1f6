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

windowed as (

    select
        skill_days.*,
        case when alls.is_all then '*' else skill_days.skill_name end as named,
        lookbacks.lookback_days

    from skill_days

    cross join (values (true), (false)) as alls (is_all)

    cross join {{ lookbacks(window_lengths()) }}

    where skill_days.day > {{ last_complete_day() }} - lookbacks.lookback_days

)

select
    actor_key,
    named as skill_name,
    {{ last_complete_day() }} as period_end,
    cast(lookback_days as integer) as period_days,
    cast(sum(uses) as bigint) as uses,
    cast(sum(successes) as bigint) as successes,
    cast(sum(failures) as bigint) as failures,
    cast(sum(unknown) as bigint) as unknown,
    cast(count(distinct case when successes > 0 then day end) as bigint) as active_days,
    cast(count(distinct case when successes > 0 then skill_name end) as bigint) as active_skills,
    {{ run_started_at_utc() }} as computed_at

from windowed

group by actor_key, named, lookback_days
