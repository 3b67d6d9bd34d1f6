{{ config(pre_hook="{{ joins_by_hash() }}") }}

with

numbered_skills as (

    -- Numbers for names, which are long: pairs are counted over a million of them.
    select
        skill_name,
        cast(row_number() over (order by {{ by_code_points('skill_name') }}) as integer) as skill_number

    from (select distinct skill_name from {{ ref('int_skill_names') }}) as skills

),

session_skills as (

    -- Of a person seated in any team that day, in however many.
    select distinct
        used.day,
        used.actor_key,
        used.session_id,
        numbered_skills.skill_number

    from {{ ref('int_session_skills') }} as used

    inner join {{ ref('int_skill_names') }} as names
        on used.skill_name_given = names.skill_name_given

    inner join numbered_skills
        on names.skill_name = numbered_skills.skill_name

    inner join {{ ref('int_seat_spans') }} as seats
        on used.actor_key = seats.actor_key and used.day between seats.first_day and seats.last_day

    where
        not used.is_day_mark
        and used.day between {{ window_start(co_use_days()) }} and {{ last_complete_day() }}

),

all_sessions as materialized (

    select
        actor_key,
        array_agg(skill_number) as skill_numbers,
        count(*) as skills

    from session_skills

    group by day, actor_key, session_id

),

sessions as (

    -- Pairs grow with the square of a session: more skills than a person tries in a day are a machine's, or a
    -- client's that gives every session the same name.
    select
        actor_key,
        skill_numbers,
        skills

    from all_sessions

    where skills <= 50

),

totals as materialized (

    -- Counted once: PostgreSQL would do it for each pair.
    select
        count(*) filter (where skills <= 50) as sessions,
        count(*) filter (where skills > 50) as sessions_left_out

    from all_sessions

),

public_skills as (

    select skill_name from {{ ref('stg_registry__skills') }}

    group by skill_name

    having {{ is_public_skill() }}

),

people_of_skills as (

    select
        skill_number,
        actor_key,
        count(*) as sessions

    from (
        select
            actor_key,
            unnest(skill_numbers) as skill_number

        from sessions
    ) as used

    group by skill_number, actor_key

),

skills as materialized (

    -- Two skills have no more people than each of them, so that rare ones need not be paired at all.
    select
        numbered_skills.skill_number,
        numbered_skills.skill_name,
        sum(people_of_skills.sessions) as sessions

    from people_of_skills

    inner join numbered_skills
        on people_of_skills.skill_number = numbered_skills.skill_number

    inner join public_skills
        on numbered_skills.skill_name = public_skills.skill_name

    group by numbered_skills.skill_number, numbered_skills.skill_name

    having count(*) >= 5

),

firsts as (

    select
        used.actor_key,
        used.skill_numbers,
        used.skill_number

    from (
        select
            actor_key,
            skill_numbers,
            unnest(skill_numbers) as skill_number

        from sessions

        where skills > 1
    ) as used

    inner join skills
        on used.skill_number = skills.skill_number

),

people_of_pairs as (

    select
        together.skill_number,
        together.paired_skill_number,
        together.actor_key,
        count(*) as sessions_together

    from (
        select
            actor_key,
            skill_number,
            unnest(skill_numbers) as paired_skill_number

        from firsts
    ) as together

    inner join skills
        on together.paired_skill_number = skills.skill_number

    where together.skill_number < together.paired_skill_number

    group by together.skill_number, together.paired_skill_number, together.actor_key

),

people as (

    select
        skill_number,
        paired_skill_number,
        sum(sessions_together) as sessions_together,
        count(*) as people

    from people_of_pairs

    group by skill_number, paired_skill_number

    having count(*) >= 5

),

pairs as (

    select
        skills.skill_name,
        paired_skills.skill_name as paired_skill_name,
        people.people,
        people.sessions_together,
        skills.sessions as sessions_of_skill,
        paired_skills.sessions as sessions_of_paired,
        least(skills.sessions, paired_skills.sessions) as sessions_of_rarer,
        greatest(skills.sessions, paired_skills.sessions) as sessions_of_other

    from people

    inner join skills
        on people.skill_number = skills.skill_number

    inner join skills as paired_skills
        on people.paired_skill_number = paired_skills.skill_number

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
    {{ wilson_low('pairs.sessions_together', 'pairs.sessions_of_rarer') }}
    / {{ ratio('pairs.sessions_of_other', 'totals.sessions') }} as lift_low,
    {{ wilson_high('pairs.sessions_together', 'pairs.sessions_of_rarer') }}
    / {{ ratio('pairs.sessions_of_other', 'totals.sessions') }} as lift_high,
    {{ metric_columns() }}

from pairs

cross join totals
