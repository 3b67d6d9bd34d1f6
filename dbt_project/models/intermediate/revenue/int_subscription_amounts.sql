{%- set most_discounts = 20 -%}
with

items as (

    select * from {{ ref('int_subscription_items') }}

    -- What is metered is billed by use: it is not contracted and so no recurring revenue.
    where not is_metered and interval_name is not null

),

discounts as (

    select * from {{ ref('int_subscription_discounts') }}

    where duration = 'forever'

),

totals as (

    select
        event_id,
        {{ exact('sum(monthly_parts)') }} as full_parts,
        cast(sum(case when kind = 'seat' then quantity else 0 end) as bigint) as seats,
        -- An amount off is given once per invoice, and invoices follow the shortest interval.
        max({{ integer_divide(
            exact('twelfths') ~ ' * ' ~ exact("'39085870824000000000'"), exact('greatest(interval_count, 1)')
        ) }}) as invoice_parts

    from items

    group by event_id

),

percentages as (

    select
        event_id,
        cast(1000000 - percent_off * 10000 as bigint) as kept_millionths,
        row_number() over (partition by event_id order by position) as nth

    from discounts

    where percent_off is not null

),

{#- Stripe allows twenty discounts; each is taken from what the one before it left. #}
kept as (

    select
        event_id
        {%- for nth in range(1, most_discounts + 1) %},
        coalesce(max(case when nth = {{ nth }} then kept_millionths end), 1000000) as kept_{{ nth }}
        {%- endfor %}

    from percentages

    group by event_id

),

off as (

    select
        event_id,
        cast(sum(amount_off_cents) as bigint) as amount_off_cents

    from discounts

    where percent_off is null

    group by event_id

),

step_0 as (

    select
        totals.event_id,
        totals.seats,
        totals.full_parts,
        totals.invoice_parts,
        coalesce(off.amount_off_cents, 0) as amount_off_cents,
        totals.full_parts as parts
        {%- for nth in range(1, most_discounts + 1) %},
        coalesce(kept.kept_{{ nth }}, 1000000) as kept_{{ nth }}
        {%- endfor %}

    from totals
    left join kept on totals.event_id = kept.event_id
    left join off on totals.event_id = off.event_id

),

{% for nth in range(1, most_discounts + 1) -%}
step_{{ nth }} as (

    select
        event_id,
        seats,
        full_parts,
        invoice_parts,
        amount_off_cents,
        -- `parts` is read once: PostgreSQL folds the steps into one expression, which would double at each.
        {{ integer_divide('parts * ' ~ exact('kept_' ~ nth), exact('1000000')) }} as parts
        {%- for later in range(nth + 1, most_discounts + 1) %},
        kept_{{ later }}
        {%- endfor %}

    from step_{{ nth - 1 }}

),

{% endfor -%}
amounts as (

    select
        event_id,
        seats,
        full_parts,
        greatest(
            {{ exact('parts') }} - {{ exact('amount_off_cents') }} * {{ exact('invoice_parts') }}, {{ exact('0') }}
        ) as parts

    from step_{{ most_discounts }}

)

select * from amounts
