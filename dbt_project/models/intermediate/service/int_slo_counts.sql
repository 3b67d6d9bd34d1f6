{#- From the shortest to the longest: each lies in the next. -#}
{%- set windows = {'1h': 60, '6h': 360, '1d': 1440, '3d': 4320, '30d': 43200} -%}
{%- set counts = ['valid', 'bad', 'under_50_ms', 'under_75_ms', 'under_100_ms', 'under_200_ms', 'under_500_ms',
    'under_1000_ms'] -%}
{%- set now = minute_index(as_of()) -%}
with

by_shortest_window as (

    select
        by_minute.account_id,
        case
            {%- for length in windows.values() %}
            when {{ now }} - by_minute.minute <= {{ length }} then {{ loop.index }}
            {%- endfor %}
        end as shortest
        {%- for count in counts %},
        sum(by_minute.{{ count }}) as {{ count }}
        {%- endfor %}

    from {{ ref('int_requests_by_minute') }} as by_minute
    -- A day that the warehouse no longer holds has no say.
    inner join {{ ref('int_request_days') }} as days
        on by_minute.day = days.day

    -- The running minute is not over: with it a window would be a minute longer than its name.
    where by_minute.minute >= {{ now }} - {{ windows['30d'] }} and by_minute.minute < {{ now }}

    group by by_minute.account_id, shortest

),

customers as (

    -- What we ask of ourselves is no promise to anybody.
    select by_shortest_window.*

    from by_shortest_window

    left join {{ ref('stg_registry__accounts') }} as accounts
        on by_shortest_window.account_id = accounts.account_id

    where not coalesce(accounts.is_internal, false)

),

everyone as (

    -- The whole fleet is `*`; a request without an account counts there alone.
    select
        '*' as account_id,
        shortest
        {%- for count in counts %},
        {{ count }}
        {%- endfor %}

    from customers

    union all

    select
        account_id,
        shortest
        {%- for count in counts %},
        {{ count }}
        {%- endfor %}

    from customers

    where account_id is not null

)

select
    account_id
    {%- for window in windows %}
    {%- set place = loop.index %}
    {%- for count in counts %},
    cast(sum(case when shortest <= {{ place }} then {{ count }} else 0 end) as bigint) as {{ count }}_{{ window }}
    {%- endfor %}
    {%- endfor %}

from everyone

group by account_id
