with

accounts as (

    select * from {{ source('registry', 'accounts') }}

)

select
    account_id,
    name as account_name,
    kind,
    timezone,
    country,
    sla_tier,
    coalesce(is_internal, false) as is_internal,
    created_at,
    updated_at

from accounts

where created_at is null or created_at < {{ as_of() }}
