with

members as (

    select * from {{ ref('stg_registry__team_members') }}

),

teams as (

    select * from {{ ref('dim_teams') }}

)

select
    teams.account_id,
    members.team_id,
    members.actor_key,
    members.joined_at,
    members.left_at,
    members.role,
    members.first_day,
    members.last_day

from members

inner join teams
    on members.team_id = teams.team_id

where teams.is_published and not members.is_bot
