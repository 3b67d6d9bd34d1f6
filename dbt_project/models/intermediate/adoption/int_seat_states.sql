with

period_ends as (

    select
        sampled_day as period_end,
        position

    from {{ ref('int_sampling_points') }}

    where lookback_days = 1

),

positions as (

    select
        day,
        position

    from {{ ref('int_sampling_days') }}

    where lookback_days = 1

),

bounds as (

    select max(position) + 1 as end_position from positions

),

seated as (

    select
        seats.team_id,
        seats.actor_key,
        period_ends.period_end,
        period_ends.position

    from {{ ref('int_seat_spans') }} as seats

    inner join period_ends
        on period_ends.period_end between seats.first_day and seats.last_day

),

latest_joins as (

    select
        seated.team_id,
        seated.actor_key,
        seated.position,
        max(members.first_day) as joined_on

    from seated

    inner join {{ ref('stg_registry__team_members') }} as members
        on
            seated.team_id = members.team_id
            and seated.actor_key = members.actor_key
            and seated.period_end >= members.first_day

    where not members.is_bot

    group by seated.team_id, seated.actor_key, seated.position

),

last_successes as (

    -- A day with a success is the last one at every period end before the next such day.
    select
        user_days.team_id,
        user_days.actor_key,
        user_days.day,
        {{ integer_series(
            'first_positions.position',
            'coalesce(next_positions.position, bounds.end_position) - 1'
        ) }} as position

    from {{ ref('int_team_user_days') }} as user_days

    cross join bounds

    inner join positions as first_positions
        on user_days.day = first_positions.day

    left join positions as next_positions
        on user_days.next_day = next_positions.day

),

people as (

    select
        seated.team_id,
        seated.actor_key,
        seated.period_end,
        {{ days_between('seated.period_end', 'last_successes.day') }} as days_since_success,
        {{ days_between('seated.period_end', 'latest_joins.joined_on') }} as days_since_joining

    from seated

    inner join latest_joins
        on
            seated.team_id = latest_joins.team_id
            and seated.actor_key = latest_joins.actor_key
            and seated.position = latest_joins.position

    left join last_successes
        on
            seated.team_id = last_successes.team_id
            and seated.actor_key = last_successes.actor_key
            and seated.position = last_successes.position

)

select
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
    ) as seats_too_new

from people

cross join {{ lookbacks(window_lengths()) }}

group by people.team_id, people.period_end, lookbacks.lookback_days
