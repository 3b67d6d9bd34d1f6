with

events as not materialized (

    select * from {{ ref('stg_billing__subscription_events') }}

),

coupons as (

    select * from {{ ref('int_coupons') }}

),

listed as (

    select
        events.event_id,
        discount.position,
        discount.value

    from events
    cross join {{ json_elements('events.discounts', 'discount') }}

),

single as (

    -- Before 2024 a subscription had one discount; where a list is there it is the list that counts.
    select
        event_id,
        cast(1 as bigint) as position,
        single_discount as value

    from events

    where
        ({{ json_text('single_discount', 'coupon') }} is not null or {{ json_text('single_discount', 'source', 'coupon') }} is not null)
        and event_id not in (select event_id from listed)

),

discounts as (

    select event_id, position, value from listed

    union all

    select event_id, position, value from single

),

read as (

    select
        event_id,
        position,
        case
            when {{ json_text('value', 'coupon', 'duration') }} is not null then {{ json_value('value', 'coupon') }}
            when {{ json_text('value', 'source', 'coupon', 'duration') }} is not null
                then {{ json_value('value', 'source', 'coupon') }}
        end as coupon,
        coalesce(
            {{ json_text('value', 'coupon') }},
            {{ json_text('value', 'source', 'coupon') }},
            {{ json_element_text('value') }},
            {{ json_text('value', 'id') }}
        ) as reference

    from discounts

),

resolved as (

    select
        read.event_id,
        read.position,
        coalesce({{ json_text('read.coupon', 'duration') }}, coupons.duration) as duration,
        case
            when read.coupon is not null then {{ json_decimal('read.coupon', 'percent_off') }}
            else coupons.percent_off
        end as percent_off,
        case
            when read.coupon is not null then {{ json_decimal('read.coupon', 'amount_off') }}
            else coupons.amount_off_cents
        end as amount_off_cents,
        case when read.coupon is null then read.reference end as looked_up

    from read
    left join coupons
        on read.coupon is null and read.reference = coupons.reference

)

select
    event_id,
    position,
    duration,
    percent_off,
    amount_off_cents,
    looked_up,
    duration is not null as is_resolved

from resolved
