with

events as (

    select * from {{ ref('stg_billing__subscription_events') }}

    where
        subscription_id is not null
        -- Other products bill through the same Stripe account.
        and coalesce(app, 'skillsmith') = 'skillsmith'

),

unresolved as (

    -- Its price is unknown: the state before it stands until the coupon is seen, and a test says so.
    select distinct event_id from {{ ref('int_subscription_discounts') }}

    where not is_resolved

),

item_periods as (

    -- Newer Stripe versions put the period on the items.
    select
        event_id,
        max(current_period_end_seconds) as current_period_end_seconds

    from {{ ref('int_subscription_items') }}

    group by event_id

),

aliases as (

    select * from {{ reference('tier_aliases') }} as tier_aliases

    where system = 'billing'

),

ordered as (

    select
        events.event_id,
        events.subscription_id,
        events.account_id,
        coalesce(aliases.tier, events.tier_name) as tier,
        case when events.event_type = 'customer.subscription.deleted' and events.status not in ('trialing', 'paused')
            and events.status not like 'incomplete%' then 'canceled' else events.status end as status,
        events.is_cancelled_at_period_end,
        events.is_collection_paused,
        coalesce(events.current_period_end_seconds, item_periods.current_period_end_seconds) as current_period_end_seconds,
        events.ended_at_seconds,
        events.created_seconds,
        row_number() over (
            partition by events.subscription_id order by events.created_seconds, {{ by_code_points('events.event_id') }}
        ) as nth,
        lead(events.created_seconds) over (
            partition by events.subscription_id order by events.created_seconds, {{ by_code_points('events.event_id') }}
        ) as next_created_seconds

    from events
    left join unresolved on events.event_id = unresolved.event_id
    left join item_periods on events.event_id = item_periods.event_id
    left join aliases on events.tier_name = aliases.alias

    where unresolved.event_id is null

),

since_active as (

    select
        *,
        coalesce(max(case when status = 'active' then nth end) over (
            partition by subscription_id order by nth rows between unbounded preceding and current row
        ), 0) + 1 as first_nth_since_active

    from ordered

),

overdue as (

    select
        since_active.*,
        first_since_active.created_seconds as overdue_since_seconds

    from since_active
    left join ordered as first_since_active
        on
            since_active.subscription_id = first_since_active.subscription_id
            and since_active.first_nth_since_active = first_since_active.nth

)

select
    event_id,
    subscription_id,
    account_id,
    case when tier in ('team', 'enterprise', 'oem') then tier else 'individual' end as tier,
    coalesce(tier in ('individual', 'team', 'enterprise', 'oem'), false) as is_tier_known,
    status,
    created_seconds,
    next_created_seconds,
    status in ('active', 'past_due', 'unpaid', 'canceled') and not is_collection_paused as is_counted,
    -- The last instant that still counts; NULL: until the next event.
    case
        when status = 'canceled' then coalesce(ended_at_seconds, created_seconds)
        else least(
            case when is_cancelled_at_period_end then current_period_end_seconds end,
            case when status in ('past_due', 'unpaid') then overdue_since_seconds + 90 * 86400 end
        )
    end as counted_until_seconds

from overdue
