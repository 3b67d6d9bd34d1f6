-- Each account's movements since its first paying month add up to what it pays now.
select
    account_id,
    month,
    mrr_cents,
    running_cents

from (
    select
        account_id,
        month,
        mrr_cents,
        sum(movement_cents) over (partition by account_id order by month) as running_cents

    from {{ ref('mrr_by_account') }}
) as running

where running_cents <> mrr_cents
