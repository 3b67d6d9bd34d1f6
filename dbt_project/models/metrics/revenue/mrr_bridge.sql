with

accounts as (

    select
        *,
        lag(tier) over (partition by account_id order by month) as opening_tier

    from {{ ref('mrr_by_account') }}

),

months as (

    select month from {{ month_series('(select min(month) from accounts)', last_complete_month()) }} as series

),

segments as (

    select 'individual' as segment
    union all
    select 'team' as segment
    union all
    select 'enterprise' as segment
    union all
    select 'oem' as segment

),

moves as (

    -- A movement counts where the account ends; its old amount leaves the old tier below.
    select
        month,
        tier as segment,
        case when opening_tier = tier then opening_cents else 0 end as opening_cents,
        case when movement = 'new' then movement_cents else 0 end as new_cents,
        case when movement = 'expansion' then movement_cents else 0 end as expansion_cents,
        case when movement = 'reactivation' then movement_cents else 0 end as reactivation_cents,
        case when movement = 'contraction' then -movement_cents else 0 end as contraction_cents,
        case when movement = 'churn' then -movement_cents else 0 end as churn_cents,
        case when opening_tier <> tier then opening_cents else 0 end as transfer_cents,
        mrr_cents as closing_cents,
        case when mrr_cents > 0 then 1 else 0 end as accounts,
        case when mrr_cents > 0 then seats else 0 end as seats

    from accounts

    union all

    select
        month,
        opening_tier as segment,
        opening_cents,
        0 as new_cents,
        0 as expansion_cents,
        0 as reactivation_cents,
        0 as contraction_cents,
        0 as churn_cents,
        -opening_cents as transfer_cents,
        0 as closing_cents,
        0 as accounts,
        0 as seats

    from accounts

    where opening_tier <> tier

),

by_segment as (

    select
        months.month,
        segments.segment,
        {%- for column in ['opening_cents', 'new_cents', 'expansion_cents', 'reactivation_cents', 'contraction_cents',
            'churn_cents', 'transfer_cents', 'closing_cents', 'accounts', 'seats'] %}
        cast(coalesce(sum(moves.{{ column }}), 0) as bigint) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from months
    cross join segments
    left join moves on months.month = moves.month and segments.segment = moves.segment

    group by months.month, segments.segment

),

bridged as (

    select * from by_segment

    union all

    select
        month,
        'total' as segment,
        {%- for column in ['opening_cents', 'new_cents', 'expansion_cents', 'reactivation_cents', 'contraction_cents',
            'churn_cents', 'transfer_cents', 'closing_cents', 'accounts', 'seats'] %}
        cast(sum({{ column }}) as bigint) as {{ column }}{{ ',' if not loop.last }}
        {%- endfor %}

    from by_segment

    group by month

)

select
    month,
    segment,
    opening_cents,
    new_cents,
    expansion_cents,
    reactivation_cents,
    contraction_cents,
    churn_cents,
    transfer_cents,
    closing_cents,
    12 * closing_cents as arr_cents,
    accounts,
    seats,
    {{ metric_columns() }}

from bridged
