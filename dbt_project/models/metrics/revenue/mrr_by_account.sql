with

paid as not materialized (

    select * from {{ ref('int_account_months') }}

),

accounts as (

    select * from {{ ref('stg_registry__accounts') }}

),

spans as (

    select
        account_id,
        min(month) as first_month,
        max(month) as last_month

    from paid

    where mrr_cents > 0

    group by account_id

),

months as (

    select month from {{ month_series('(select min(first_month) from spans)', last_complete_month()) }} as series

),

filled as (

    select
        spans.account_id,
        months.month,
        paid.tier,
        coalesce(paid.seats, 0) as seats,
        coalesce(paid.mrr_cents, 0) as mrr_cents,
        -- Months without revenue keep the tier of the last one that had some.
        count(case when paid.mrr_cents > 0 then 1 end) over (
            partition by spans.account_id order by months.month
        ) as paying_months,
        coalesce(
            lag(coalesce(paid.mrr_cents, 0)) over (partition by spans.account_id order by months.month), 0
        ) as opening_cents

    from spans
    inner join months
        on months.month between spans.first_month and {{ add_months('spans.last_month', 1) }}
    left join paid
        on spans.account_id = paid.account_id and months.month = paid.month

),

tiers as (

    select
        filled.*,
        max(case when mrr_cents > 0 then tier end) over (
            partition by account_id, paying_months
        ) as counted_tier

    from filled

)

select
    tiers.account_id,
    tiers.month,
    tiers.counted_tier as tier,
    accounts.sla_tier,
    tiers.seats,
    tiers.mrr_cents,
    tiers.counted_tier = 'oem' as is_oem,
    case
        when tiers.opening_cents = 0 and tiers.mrr_cents > 0 and tiers.paying_months = 1 then 'new'
        when tiers.opening_cents = 0 and tiers.mrr_cents > 0 then 'reactivation'
        when tiers.opening_cents > 0 and tiers.mrr_cents = 0 then 'churn'
        when tiers.mrr_cents > tiers.opening_cents then 'expansion'
        when tiers.mrr_cents < tiers.opening_cents then 'contraction'
        else 'none'
    end as movement,
    tiers.mrr_cents - tiers.opening_cents as movement_cents,
    tiers.opening_cents,
    {{ metric_columns() }}

from tiers
left join accounts on tiers.account_id = accounts.account_id
