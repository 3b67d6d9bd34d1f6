{%- set windows = {'30d': 43200, '3d': 4320, '1d': 1440, '6h': 360, '1h': 60} -%}
{%- set counts = ['valid', 'bad', 'under_50_ms', 'under_75_ms', 'under_100_ms', 'under_200_ms', 'under_500_ms',
    'under_1000_ms'] -%}
{%- set now = minute_index(as_of()) -%}
with

minutes as (

    select
        by_minute.account_id,
        {%- for count in counts %}
        by_minute.{{ count }},
        {%- endfor %}
        {{ now }} - by_minute.minute as minutes_ago

    from {{ ref('int_requests_by_minute') }} as by_minute
    -- A day that the warehouse no longer holds has no say.
    inner join {{ ref('int_request_days') }} as days
        on by_minute.day = days.day

    where by_minute.minute >= {{ now }} - 43200

),

everyone as (

    -- The whole fleet is `*`; a request without an account counts there alone.
    select
        '*' as account_id,
        {%- for count in counts %}
        {{ count }},
        {%- endfor %}
        minutes_ago

    from minutes

    union all

    select
        account_id,
        {%- for count in counts %}
        {{ count }},
        {%- endfor %}
        minutes_ago

    from minutes

    where account_id is not null

)

select
    account_id
    {%- for window, length in windows.items() %}
    {%- for count in counts %},
    cast(sum(case when minutes_ago <= {{ length }} then {{ count }} else 0 end) as bigint) as {{ count }}_{{ window }}
    {%- endfor %}
    {%- endfor %}

from everyone

group by account_id
