{{ config(materialized='view') }}

with

members as (

    select * from {{ ref('stg_registry__team_members') }}

)

select
    members.team_id,
    teams.account_id,
    members.actor_key,
    members.first_day,
    case when members.left_at is null then cast('9999-12-31' as date) else members.last_day end as last_day,
    {{ utc_day('members.left_at') }} as left_day

from members

inner join {{ ref('stg_registry__teams') }} as teams
    on members.team_id = teams.team_id

left join {{ ref('stg_registry__accounts') }} as accounts
    on teams.account_id = accounts.account_id

-- Teams of internal accounts are not published; an account that never arrived is not known to be internal.
where
    not members.is_bot
    and teams.account_id is not null
    and not coalesce(accounts.is_internal, false)
    and members.first_day <= {{ last_complete_day() }}
