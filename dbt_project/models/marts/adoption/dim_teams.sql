with

teams as (

    select * from {{ ref('stg_registry__teams') }}

),

accounts as (

    select * from {{ ref('dim_accounts') }}

)

select
    teams.team_id,
    teams.account_id,
    coalesce(teams.team_name, teams.slug, teams.team_id) as team_name,
    coalesce(accounts.account_name, teams.account_id) as account_name,
    not coalesce(accounts.is_internal, false) as is_published,
    teams.created_at

from teams

left join accounts
    on teams.account_id = accounts.account_id

where teams.account_id is not null
