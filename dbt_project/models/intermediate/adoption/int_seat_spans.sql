with

members as (

    select
        team_id,
        account_id,
        actor_key,
        first_day,
        least(last_day, {{ last_complete_day() }}) as last_day

    from {{ ref('int_memberships') }}

)

{{ merged_spans('members', ['team_id', 'account_id', 'actor_key']) }}
