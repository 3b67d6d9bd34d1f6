with

teams as (

    select * from {{ source('registry', 'teams') }}

)

select
    team_id,
    account_id,
    name as team_name,
    slug,
    created_at,
    updated_at

from teams

where created_at is null or created_at < {{ as_of() }}
