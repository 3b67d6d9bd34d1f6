-- A counted subscription without an account is in nobody's revenue, one without a known tier is taken for individual,
-- and an item without a price (a tiered one) or a known interval counts as nothing.
{{ config(severity='warn') }}

select
    states.event_id,
    states.account_id,
    states.tier,
    items.position

from {{ ref('int_subscription_states') }} as states
left join {{ ref('int_subscription_items') }} as items
    on
        states.event_id = items.event_id
        and not items.is_metered
        and (items.unit_amount_cents is null or items.twelfths is null)

where
    states.is_counted
    and (states.account_id is null or not states.is_tier_known or items.event_id is not null)
