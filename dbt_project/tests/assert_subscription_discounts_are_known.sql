-- A discount named by an id that no event explains: its subscription event waits and the state before it stands.
{{ config(severity='warn') }}

select
    discounts.event_id,
    events.account_id,
    discounts.looked_up

from {{ ref('int_subscription_discounts') }} as discounts
inner join {{ ref('stg_billing__subscription_events') }} as events
    on discounts.event_id = events.event_id

where not discounts.is_resolved and coalesce(events.app, 'skillsmith') = 'skillsmith'
