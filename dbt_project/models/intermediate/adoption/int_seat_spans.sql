with

members as (

    select
        members.team_id,
        teams.account_id,
        members.actor_key,
        members.first_day,
        least(members.last_day, {{ last_complete_day() }}) as last_day

    from {{ ref('stg_registry__team_members') }} as members

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

)

{{ merged_spans('members', ['team_id', 'account_id', 'actor_key']) }}
