with

given as (

    select
        account_id,
        valid_from,
        hourly_rate_cents,
        recapture_share,
        source

    from {{ reference('time_value') }} as given

)

-- A row counts for the period ends from its own valid_from to the day before the account's next row, which may take it back.
select
    account_id,
    valid_from,
    lead(valid_from) over (partition by account_id order by valid_from) as valid_to,
    hourly_rate_cents,
    recapture_share,
    source

from given

where valid_from <= {{ last_complete_day() }}
