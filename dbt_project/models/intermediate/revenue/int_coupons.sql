with

events as not materialized (

    select * from {{ ref('stg_billing__stripe_events') }}

),

discounts as (

    -- Any object that carries a discount teaches us its coupon: later ones name it by id alone.
    select
        events.created_seconds,
        events.event_id,
        discount.value as discount

    from events
    cross join {{ json_elements(json_value('events.object', 'discounts'), 'discount') }}

    union all

    select
        created_seconds,
        event_id,
        {{ json_value('object', 'discount') }} as discount

    from events

    union all

    -- A discount or a coupon may be an event's own object.
    select
        created_seconds,
        event_id,
        object as discount

    from events

    where {{ json_text('object', 'object') }} = 'discount'

),

coupons as (

    select
        created_seconds,
        event_id,
        {{ json_text('discount', 'id') }} as discount_id,
        case
            when {{ json_text('discount', 'coupon', 'duration') }} is not null
                then {{ json_value('discount', 'coupon') }}
            else {{ json_value('discount', 'source', 'coupon') }}
        end as coupon

    from discounts

    union all

    select
        created_seconds,
        event_id,
        cast(null as text) as discount_id,
        object as coupon

    from events

    where {{ json_text('object', 'object') }} = 'coupon'

),

named as (

    select created_seconds, event_id, discount_id as reference, coupon from coupons

    union all

    select created_seconds, event_id, {{ json_text('coupon', 'id') }} as reference, coupon from coupons

),

ranked as (

    select
        reference,
        {{ json_text('coupon', 'duration') }} as duration,
        {{ json_decimal('coupon', 'percent_off') }} as percent_off,
        {{ json_decimal('coupon', 'amount_off') }} as amount_off_cents,
        row_number() over (partition by reference order by created_seconds desc, {{ by_code_points('event_id') }} desc) as newest

    from named

    where reference is not null and {{ json_text('coupon', 'duration') }} is not null

)

select
    reference,
    duration,
    percent_off,
    amount_off_cents

from ranked

where newest = 1
