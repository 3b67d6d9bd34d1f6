{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'day'},
    indexes=found_by(['day'])
) }}

with

holidays as (

    select day from {{ reference('holidays') }} as holidays

    where day is not null

),

user_days as (

    select
        account_id,
        team_id,
        actor_key,
        day

    from {{ ref('int_team_skill_days') }}

    where successes > 0 and day >= {{ remade_from() }}

    group by account_id, team_id, actor_key, day

)

{% if is_incremental() %},

kept_days as (

    select
        account_id,
        team_id,
        actor_key,
        max(day) as day

    from {{ this }}

    where day < {{ remade_from() }}

    group by account_id, team_id, actor_key

)
{% endif %}

select
    user_days.account_id,
    user_days.team_id,
    user_days.actor_key,
    user_days.day,
    coalesce(
        lag(user_days.day) over (
            partition by user_days.account_id, user_days.team_id, user_days.actor_key
            order by user_days.day
        ),
        {{ 'kept_days.day' if is_incremental() else 'null' }}
    ) as previous_day,
    extract(isodow from user_days.day) <= 5 and holidays.day is null as is_working_day,
    {{ made_at() }}

from user_days

{% if is_incremental() %}
left join kept_days
    on
        user_days.account_id = kept_days.account_id
        and user_days.team_id = kept_days.team_id
        and user_days.actor_key = kept_days.actor_key
{% endif %}

left join (select distinct day from holidays) as holidays
    on user_days.day = holidays.day
