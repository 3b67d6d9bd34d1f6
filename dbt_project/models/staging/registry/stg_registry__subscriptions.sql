with

subscriptions as (

    select * from {{ source('registry', 'subscriptions') }}

)

select
    id as subscription_id,
    account_id,
    tier,
    status,
    billing_period,
    seat_count,
    stripe_customer_id,
    stripe_subscription_id,
    stripe_subscription_id is null as is_complimentary,
    current_period_start,
    current_period_end,
    cancel_at_period_end as is_cancelled_at_period_end,
    canceled_at as cancelled_at,
    updated_at

from subscriptions
