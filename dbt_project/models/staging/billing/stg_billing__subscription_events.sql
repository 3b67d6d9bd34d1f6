with

events as (

    select * from {{ ref('stg_billing__stripe_events') }}

    -- The bare prefix would also match a type that only begins like it.
    where event_type like 'customer.subscription.%'

),

typed as (

    select
        event_id,
        event_type,
        created_seconds,
        created_at,
        {{ json_text('object', 'id') }} as subscription_id,
        {{ json_text('object', 'metadata', 'account_id') }} as account_id,
        lower({{ json_text('object', 'metadata', 'tier') }}) as tier_name,
        {{ json_text('object', 'metadata', 'app') }} as app,
        {{ json_text('object', 'status') }} as status,
        {{ json_integer('object', 'current_period_end') }} as current_period_end_seconds,
        {{ json_integer('object', 'ended_at') }} as ended_at_seconds,
        coalesce({{ json_boolean('object', 'cancel_at_period_end') }}, false) as is_cancelled_at_period_end,
        -- The object itself says that collection is paused; its keys do not matter.
        {{ json_text('object', 'pause_collection') }} is not null as is_collection_paused,
        {{ json_value('object', 'items', 'data') }} as items,
        {{ json_value('object', 'discounts') }} as discounts,
        {{ json_value('object', 'discount') }} as single_discount

    from events

)

select * from typed
