{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'period_end'},
    indexes=found_by(['period_end'])
) }}

-- depends_on: {{ ref('int_windows') }}

with

changes as (

    select
        changes.actor_key,
        names.skill_name,
        changes.day,
        max(changes.last_installed_at) as last_installed_at,
        max(changes.last_uninstalled_at) as last_uninstalled_at

    from {{ ref('int_skill_install_days') }} as changes

    inner join {{ ref('int_skill_names') }} as names
        on changes.skill_name_given = names.skill_name_given

    where not changes.is_day_mark

    group by changes.actor_key, names.skill_name, changes.day

),

day_ends as (

    select
        actor_key,
        skill_name,
        day as first_day,
        -- At equal times the uninstall wins.
        last_installed_at is not null
        and (last_uninstalled_at is null or last_installed_at > last_uninstalled_at) as is_installed,
        coalesce(
            lead(day) over (partition by actor_key, skill_name order by day) - 1, {{ last_complete_day() }}
        ) as last_day

    from changes

),

seated as (

    select
        seats.account_id,
        seats.team_id,
        day_ends.skill_name,
        day_ends.actor_key,
        greatest(day_ends.first_day, seats.first_day) as first_day,
        least(day_ends.last_day, seats.last_day) as last_day

    from day_ends

    inner join {{ ref('int_seat_spans') }} as seats
        on
            day_ends.actor_key = seats.actor_key
            and day_ends.first_day <= seats.last_day
            and day_ends.last_day >= seats.first_day

    where
        day_ends.is_installed
        and day_ends.last_day >= day_ends.first_day
        and least(day_ends.last_day, seats.last_day) >= {{ seen_from(1) }}

),

steps as (

    {{ presence_steps('seated', ['account_id', 'team_id', 'skill_name'], ['actor_key'], [1]) | indent(4) }}

    {% if is_incremental() %}
    union all

    select
        made.account_id,
        made.team_id,
        made.skill_name,
        1 as lookback_days,
        made.period_end + 1 as step_day,
        made.people as step

    from {{ this }} as made

    inner join {{ kept_points([1]) }} as kept_points
        on made.period_end = kept_points.kept_day
    {% endif %}

),

installed as (

    {{ sampled_windows('steps', ['account_id', 'team_id', 'skill_name'], ['step']) | indent(4) }}

)

select
    account_id,
    team_id,
    skill_name,
    sampled_day as period_end,
    step as people,
    {{ made_at() }}

from installed
