-- opening + new + expansion + reactivation + transfer - contraction - churn = closing, in every month and segment,
-- a month opens as the one before closed, and nothing is transferred out of or into the whole.
with

bridge as (

    select * from {{ ref('mrr_bridge') }}

),

previous as (

    select
        segment,
        {{ add_months('month', 1) }} as month,
        closing_cents

    from bridge

)

select
    bridge.month,
    bridge.segment,
    bridge.opening_cents,
    bridge.closing_cents,
    previous.closing_cents as previous_closing_cents

from bridge
left join previous
    on bridge.month = previous.month and bridge.segment = previous.segment

where
    bridge.opening_cents + bridge.new_cents + bridge.expansion_cents + bridge.reactivation_cents
    + bridge.transfer_cents - bridge.contraction_cents - bridge.churn_cents <> bridge.closing_cents
    or bridge.opening_cents <> coalesce(previous.closing_cents, 0)
    or (bridge.segment = 'total' and bridge.transfer_cents <> 0)
