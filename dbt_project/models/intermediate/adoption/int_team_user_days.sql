with

skill_days as (

    select * from {{ ref('int_team_skill_days') }}

),

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

    from skill_days

    where successes > 0

    group by account_id, team_id, actor_key, day

)

select
    user_days.account_id,
    user_days.team_id,
    user_days.actor_key,
    user_days.day,
    extract(isodow from user_days.day) <= 5 and holidays.day is null as is_working_day,
    row_number() over (partition by user_days.team_id, user_days.actor_key order by user_days.day) = 1 as is_first,
    lead(user_days.day) over (
        partition by user_days.team_id, user_days.actor_key
        order by user_days.day
    ) as next_day

from user_days

left join (select distinct day from holidays) as holidays
    on user_days.day = holidays.day
