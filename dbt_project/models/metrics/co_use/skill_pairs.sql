{{ config(pre_hook="{{ joins_by_hash() }}") }}

with

session_skills as (

    -- Of a person seated in any team that day, in however many.
    select distinct
        used.day,
        used.actor_key,
        used.session_id,
        names.skill_name

    from {{ ref('int_session_skills') }} as used

    inner join {{ ref('int_skill_names') }} as names
        on used.skill_name_given = names.skill_name_given

    inner join {{ ref('int_seat_spans') }} as seats
        on used.actor_key = seats.actor_key and used.day between seats.first_day and seats.last_day

    where
        not used.is_day_mark
        and used.day between {{ window_start(co_use_days()) }} and {{ last_complete_day() }}

),

sizes as (

    -- Pairs grow with the square of a session: more skills than a person tries in a day are a machine's, or a
    -- client's that gives every session the same name.
    select
        day,
        actor_key,
        session_id,
        count(*) > 50 as is_oversized,
        count(*) > 1 as has_pairs

    from session_skills

    group by day, actor_key, session_id

),

totals as materialized (

    -- Counted once: PostgreSQL would do it for each pair.
    select
        count(*) filter (where not is_oversized) as sessions,
        count(*) filter (where is_oversized) as sessions_left_out

    from sizes

),

public_skills as (

    select skill_name from {{ ref('stg_registry__skills') }}

    group by skill_name

    having {{ is_public_skill() }}

),

counted as (

    select
        session_skills.day,
        session_skills.actor_key,
        session_skills.session_id,
        session_skills.skill_name,
        sizes.has_pairs

    from session_skills

    inner join sizes
        on
            session_skills.day = sizes.day
            and session_skills.actor_key = sizes.actor_key
            and session_skills.session_id = sizes.session_id

    inner join public_skills
        on session_skills.skill_name = public_skills.skill_name

    where not sizes.is_oversized

),

people_of_skills as (

    select
        skill_name,
        actor_key,
        count(*) as sessions

    from counted

    group by skill_name, actor_key

),

skills as (

    -- Two skills have no more people than each of them, so that rare ones need not be paired at all.
    select
        skill_name,
        sum(sessions) as sessions

    from people_of_skills

    group by skill_name

    having count(*) >= 5

),

common as (

    select
        counted.day,
        counted.actor_key,
        counted.session_id,
        counted.skill_name,
        skills.sessions

    from counted

    inner join skills
        on counted.skill_name = skills.skill_name

    where counted.has_pairs

),

people_of_pairs as (

    select
        one.skill_name,
        other.skill_name as paired_skill_name,
        one.actor_key,
        count(*) as sessions_together,
        min(one.sessions) as sessions_of_skill,
        min(other.sessions) as sessions_of_paired

    from common as one

    inner join common as other
        on
            one.day = other.day
            and one.actor_key = other.actor_key
            and one.session_id = other.session_id
            and {{ comes_before('one.skill_name', 'other.skill_name') }}

    group by one.skill_name, other.skill_name, one.actor_key

),

pairs as (

    select
        skill_name,
        paired_skill_name,
        sum(sessions_together) as sessions_together,
        count(*) as people,
        min(sessions_of_skill) as sessions_of_skill,
        min(sessions_of_paired) as sessions_of_paired

    from people_of_pairs

    group by skill_name, paired_skill_name

    having count(*) >= 5

)

select
    pairs.skill_name,
    pairs.paired_skill_name,
    {{ last_complete_day() }} as period_end,
    {{ co_use_days() }} as period_days,
    cast(pairs.people as bigint) as people,
    cast(pairs.sessions_together as bigint) as sessions_together,
    cast(pairs.sessions_of_skill as bigint) as sessions_of_skill,
    cast(pairs.sessions_of_paired as bigint) as sessions_of_paired,
    cast(totals.sessions as bigint) as sessions,
    cast(totals.sessions_left_out as bigint) as sessions_left_out,
    {{ ratio('pairs.sessions_together', 'totals.sessions') }} as support,
    {{ ratio('pairs.sessions_together', 'pairs.sessions_of_skill') }} as confidence,
    {{ ratio('pairs.sessions_together', 'pairs.sessions_of_paired') }} as paired_confidence,
    {{ ratio(
        'pairs.sessions_together * totals.sessions', 'pairs.sessions_of_skill * pairs.sessions_of_paired'
    ) }} as lift,
    {{ metric_columns() }}

from pairs

cross join totals
