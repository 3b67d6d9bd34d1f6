with

events as (

    select * from {{ ref('stg_billing__subscription_events') }}

),

items as (

    select
        events.event_id,
        item.position,
        {{ json_text('item.value', 'price', 'metadata', 'kind') }} as kind,
        coalesce({{ json_integer('item.value', 'quantity') }}, 1) as quantity,
        {{ json_integer('item.value', 'current_period_end') }} as current_period_end_seconds,
        coalesce(
            {{ json_text('item.value', 'price', 'recurring', 'usage_type') }},
            {{ json_text('item.value', 'plan', 'usage_type') }},
            'licensed'
        ) = 'metered' as is_metered,
        coalesce(
            {{ json_decimal('item.value', 'price', 'unit_amount') }},
            {{ json_decimal('item.value', 'price', 'unit_amount_decimal') }},
            {{ json_decimal('item.value', 'plan', 'amount') }}
        ) as unit_amount_cents,
        coalesce(
            {{ json_text('item.value', 'price', 'recurring', 'interval') }},
            {{ json_text('item.value', 'plan', 'interval') }}
        ) as interval_name,
        coalesce(
            {{ json_integer('item.value', 'price', 'recurring', 'interval_count') }},
            {{ json_integer('item.value', 'plan', 'interval_count') }},
            1
        ) as interval_count

    from events
    cross join {{ json_elements('events.items', 'item') }}

),

weighted as (

    select
        *,
        -- Twelfths of a month's worth: month 12/12, year 1/12, week 52/12, day 365/12.
        case interval_name when 'month' then 12 when 'year' then 1 when 'week' then 52 when 'day' then 365 end as twelfths

    from items

)

select
    event_id,
    position,
    coalesce(kind, 'seat') as kind,
    quantity,
    current_period_end_seconds,
    is_metered,
    unit_amount_cents,
    interval_name,
    interval_count,
    twelfths,
    -- Eight decimals of a cent are kept before the parts are counted: Stripe prices may be fractions of a cent.
    {{ integer_divide(
        exact('cast(unit_amount_cents as decimal(28, 8)) * cast(100000000 as decimal(9, 0))')
        ~ ' * ' ~ exact('quantity') ~ ' * ' ~ exact('twelfths') ~ ' * ' ~ exact("'390858708240'"),
        exact('greatest(interval_count, 1)')
    ) }} as monthly_parts

from weighted
