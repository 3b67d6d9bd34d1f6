with

teams as (

    select * from {{ ref('dim_teams') }}

    where is_published

),

seats as (

    select
        team_id,
        count(distinct actor_key) as seats

    from {{ ref('int_seat_spans') }}

    where last_day >= {{ last_complete_day() }}

    group by team_id

)

select
    teams.team_id,
    teams.account_id,
    teams.team_name,
    teams.account_name,
    cast(coalesce(seats.seats, 0) as bigint) as seats,
    {{ metric_columns() }}

from teams

left join seats
    on teams.team_id = seats.team_id
