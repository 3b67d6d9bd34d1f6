{%- set windows = {'1h': 60, '6h': 360, '1d': 1440, '3d': 4320, '30d': 43200} -%}
{%- set now = minute_index(as_of()) -%}
with

holds as (

    {{ probe_holds(now ~ ' - 43200', now) }}

),

probe_minutes as (

    -- Thirty days are 43,200 minutes whatever the number of probes.
    select distinct minute

    from (
        select {{ integer_series('from_minute', 'to_minute - 1') }} as minute

        from holds
    ) as expanded

),

request_minutes as (

    -- A minute and an account have one row.
    select
        by_minute.account_id,
        by_minute.minute

    from {{ ref('int_requests_by_minute') }} as by_minute
    inner join {{ ref('int_request_days') }} as days
        on by_minute.day = days.day
    left join {{ ref('stg_registry__accounts') }} as accounts
        on by_minute.account_id = accounts.account_id

    where
        not coalesce(accounts.is_internal, false)
        and by_minute.minute >= {{ now }} - 43200 and by_minute.minute < {{ now }}
        and by_minute.valid > 0

),

own_minutes as (

    select distinct
        '*' as account_id,
        minute

    from request_minutes

    union all

    select
        account_id,
        minute

    from request_minutes

    where account_id is not null

),

beside_probes as (

    select
        own_minutes.account_id
        {%- for window, length in windows.items() %},
        count(
            case when probe_minutes.minute is null and own_minutes.minute >= {{ now }} - {{ length }} then 1 end
        ) as minutes_{{ window }}
        {%- endfor %}

    from own_minutes
    left join probe_minutes on own_minutes.minute = probe_minutes.minute

    group by own_minutes.account_id

),

accounts as (

    select '*' as account_id

    union

    select account_id from beside_probes

)

select
    accounts.account_id,
    cast({{ windows['30d'] }} as bigint) as expected_minutes,
    cast(coalesce(beside_probes.minutes_30d, 0) + probed.minutes_30d as bigint) as covered_minutes
    {%- for window in windows if window != '30d' %},
    cast(coalesce(beside_probes.minutes_{{ window }}, 0) + probed.minutes_{{ window }} as bigint)
    as covered_minutes_{{ window }}
    {%- endfor %}

from accounts
cross join (
    select
        {%- for window, length in windows.items() %}
        count(case when minute >= {{ now }} - {{ length }} then 1 end) as minutes_{{ window }}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}

    from probe_minutes
) as probed
left join beside_probes on accounts.account_id = beside_probes.account_id
