with

states as (

    select * from {{ ref('int_subscription_states') }}

    where is_counted and account_id is not null

),

amounts as (

    select * from {{ ref('int_subscription_amounts') }}

),

internal_accounts as (

    select account_id from {{ ref('stg_registry__accounts') }}

    where is_internal

),

months as (

    select
        month,
        {{ day_seconds(add_months('month', 1)) }} as end_seconds

    from {{ month_series(
        '(select ' ~ month_start(utc_day(to_timestamp_utc('min(created_seconds)'))) ~ ' from states)',
        last_complete_month()
    ) }} as series

),

counted as (

    -- A month's state is that of its last instant, so an end exactly at the next month's 00:00 still counts.
    select
        states.account_id,
        months.month,
        states.tier,
        case states.tier when 'oem' then 4 when 'enterprise' then 3 when 'team' then 2 else 1 end as tier_rank,
        coalesce(amounts.parts, {{ exact('0') }}) as parts,
        coalesce(amounts.seats, 0) as seats

    from months
    inner join states
        on
            states.created_seconds < months.end_seconds
            and (states.next_created_seconds is null or states.next_created_seconds >= months.end_seconds)
            and (states.counted_until_seconds is null or states.counted_until_seconds >= months.end_seconds)
    left join amounts on states.event_id = amounts.event_id
    left join internal_accounts on states.account_id = internal_accounts.account_id

    where internal_accounts.account_id is null

),

summed as (

    select
        account_id,
        month,
        max(tier_rank) as tier_rank,
        {{ exact('sum(parts)') }} as parts,
        cast(sum(seats) as bigint) as seats

    from counted

    group by account_id, month

)

select
    account_id,
    month,
    case tier_rank when 4 then 'oem' when 3 then 'enterprise' when 2 then 'team' else 'individual' end as tier,
    seats,
    {{ round_half_even('parts', cent_parts()) }} as mrr_cents

from summed
