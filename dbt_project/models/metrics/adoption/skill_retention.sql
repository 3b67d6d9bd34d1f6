{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'cohort_week', 'margin': 93},
    indexes=found_by(['cohort_week']),
    pre_hook="{{ joins_by_hash() }}"
) }}

{#-
A day bears on the cohorts up to whose twelfth week later it belongs, 90 days before; a row is provisional for three
days more.
-#}
{%- set first_cohort = remade_from(93) -%}
with

firsts as (

    -- The first success in each team; of somebody in several teams the earliest.
    select
        actor_key,
        skill_name,
        {{ week_start('min(day)') }} as cohort_week

    from {{ ref('int_team_skill_days') }}

    where successes > 0 and previous_day is null

    group by actor_key, skill_name

),

cohorts as (

    select
        skill_name,
        cohort_week,
        count(*) as users

    from firsts

    where cohort_week >= {{ first_cohort }}

    group by skill_name, cohort_week

),

active_weeks as (

    -- Somebody in two teams did it once.
    select distinct
        actor_key,
        skill_name,
        {{ week_start('day') }} as week

    from {{ ref('int_team_skill_days') }}

    where successes > 0 and day >= {{ first_cohort }}

),

retained as (

    select
        firsts.skill_name,
        firsts.cohort_week,
        active_weeks.week,
        count(*) as retained_users

    from firsts

    inner join active_weeks
        on firsts.actor_key = active_weeks.actor_key and firsts.skill_name = active_weeks.skill_name

    where firsts.cohort_week >= {{ first_cohort }} and active_weeks.week > firsts.cohort_week

    group by firsts.skill_name, firsts.cohort_week, active_weeks.week

),

observed as (

    select
        cohorts.skill_name,
        cohorts.cohort_week,
        weeks.weeks_later,
        cohorts.users,
        cohorts.cohort_week + 7 * weeks.weeks_later as week,
        cohorts.cohort_week + 7 * weeks.weeks_later + 6 as last_day

    from cohorts

    cross join (select {{ integer_series(1, 12) }} as weeks_later) as weeks

),

counted as (

    select
        observed.*,
        -- A week that is not over is open: who will still come nobody knows.
        case
            when observed.last_day <= {{ last_complete_day() }} then coalesce(retained.retained_users, 0)
        end as retained_users

    from observed

    left join retained
        on
            observed.skill_name = retained.skill_name
            and observed.cohort_week = retained.cohort_week
            and observed.week = retained.week

)

select
    skill_name,
    cohort_week,
    weeks_later,
    users,
    retained_users,
    {{ ratio('retained_users', 'users') }} as retention_rate,
    {{ wilson_low('retained_users', 'users') }} as retention_low,
    {{ wilson_high('retained_users', 'users') }} as retention_high,
    last_day >= {{ last_complete_day() }} - 2 as is_provisional,
    {{ metric_columns() }}

from counted
