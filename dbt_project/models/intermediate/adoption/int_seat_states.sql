{{ config(
    materialized='incremental',
    incremental_strategy='remake',
    meta={'made_by': 'period_end'},
    indexes=found_by(['period_end'])
) }}

-- depends_on: {{ ref('int_windows') }}

with

period_ends as (

    select
        sampled_day as period_end,
        position

    from {{ ref('int_sampling_points') }}

    where lookback_days = 1 and sampled_day >= {{ remade_from() }}

),

positions as not materialized (

    select
        day,
        position

    from {{ ref('int_sampling_days') }}

    where lookback_days = 1

),

bounds as (

    select
        (select min(period_ends.position) from period_ends) as first_position,
        (select max(positions.position) + 1 from positions) as end_position

),

seated as (

    select
        seats.account_id,
        seats.team_id,
        seats.actor_key,
        period_ends.period_end,
        period_ends.position

    from {{ ref('int_seats_by_account') }} as seats

    inner join period_ends
        on period_ends.period_end between seats.first_day and seats.last_day

),

latest_joins as (

    select
        seated.account_id,
        seated.team_id,
        seated.actor_key,
        seated.period_end,
        seated.position,
        max(members.first_day) as joined_on

    from seated

    inner join {{ ref('stg_registry__team_members') }} as members
        on
            seated.team_id = members.team_id
            and seated.actor_key = members.actor_key
            and seated.period_end >= members.first_day

    where not members.is_bot

    group by seated.account_id, seated.team_id, seated.actor_key, seated.period_end, seated.position

),

success_days as (

    -- Of all days before those that are made, only a person's last can be the last one at a period end.
    select
        account_id,
        team_id,
        actor_key,
        max(day) as day

    from {{ ref('int_team_user_days') }}

    group by account_id, team_id, actor_key, case when day >= {{ remade_from() }} then day end

),

until_the_next as (

    select
        account_id,
        team_id,
        actor_key,
        day,
        lead(day) over (partition by account_id, team_id, actor_key order by day) as next_day

    from success_days

),

last_successes as (

    -- A day with a success is the last one at every period end before the next such day.
    select
        user_days.account_id,
        user_days.team_id,
        user_days.actor_key,
        user_days.day,
        {{ integer_series(
            'greatest(first_positions.position, bounds.first_position)',
            'coalesce(next_positions.position, bounds.end_position) - 1'
        ) }} as position

    from until_the_next as user_days

    cross join bounds

    inner join positions as first_positions
        on user_days.day = first_positions.day

    left join positions as next_positions
        on user_days.next_day = next_positions.day

),

people as (

    select
        latest_joins.account_id,
        latest_joins.team_id,
        latest_joins.actor_key,
        latest_joins.period_end,
        {{ days_between('latest_joins.period_end', 'last_successes.day') }} as days_since_success,
        {{ days_between('latest_joins.period_end', 'latest_joins.joined_on') }} as days_since_joining

    from latest_joins

    left join last_successes
        on
            latest_joins.account_id = last_successes.account_id
            and latest_joins.team_id = last_successes.team_id
            and latest_joins.actor_key = last_successes.actor_key
            and latest_joins.position = last_successes.position

)

select
    people.account_id,
    people.team_id,
    people.period_end,
    cast(lookbacks.lookback_days as integer) as period_days,
    count(*) as seats_at_end,
    sum(case when people.days_since_success < lookbacks.lookback_days then 1 else 0 end) as seats_active,
    sum(case when people.days_since_success >= lookbacks.lookback_days then 1 else 0 end) as seats_idle,
    sum(
        case when people.days_since_success is null and people.days_since_joining > 30 then 1 else 0 end
    ) as seats_never_used,
    sum(
        case when people.days_since_success is null and people.days_since_joining <= 30 then 1 else 0 end
    ) as seats_too_new,
    {{ made_at() }}

from people

cross join {{ lookbacks(window_lengths()) }}

group by people.account_id, people.team_id, people.period_end, lookbacks.lookback_days
