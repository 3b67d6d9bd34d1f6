with

accounts as (

    select * from {{ ref('stg_registry__accounts') }}

),

ranked_subscriptions as (

    select
        account_id,
        tier,
        row_number() over (
            partition by account_id
            order by
                case tier
                    when 'oem' then 4
                    when 'enterprise' then 3
                    when 'team' then 2
                    when 'individual' then 1
                    else 0
                end desc,
                subscription_id
        ) as rank_in_account

    from {{ ref('stg_registry__subscriptions') }}

    where status in ('active', 'past_due', 'trialing', 'unpaid')

)

select
    accounts.account_id,
    coalesce(accounts.account_name, accounts.account_id) as account_name,
    accounts.kind,
    ranked_subscriptions.tier,
    accounts.sla_tier,
    accounts.timezone,
    accounts.country,
    accounts.is_internal,
    accounts.created_at

from accounts

left join ranked_subscriptions
    on accounts.account_id = ranked_subscriptions.account_id and ranked_subscriptions.rank_in_account = 1
