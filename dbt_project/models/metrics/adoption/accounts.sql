with

accounts as (

    select * from {{ ref('dim_accounts') }}

    where not is_internal

)

select
    account_id,
    account_name,
    kind,
    tier,
    sla_tier,
    {{ metric_columns() }}

from accounts
