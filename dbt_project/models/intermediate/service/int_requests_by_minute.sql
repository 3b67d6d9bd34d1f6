{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='day',
    indexes=found_by(['day']),
    meta={'window_days': 30, 'days_in': 'int_request_days', 'closed_by': ['registry_api_requests']},
    pre_hook="{{ forget_days_before(window_start(30)) }}"
) }}

with

touched as (

    -- Days of which the warehouse holds another number of requests, or a newer load, than was rolled up.
    select
        days.day,
        days.requests as day_requests,
        days.last_loaded_at as day_loaded_at

    from {{ ref('int_request_days') }} as days
    {% if is_incremental() -%}
    left join (select distinct day, day_requests, day_loaded_at from {{ this }}) as built
        on days.day = built.day

    {%- endif %}

    -- Budgets look thirty days back.
    where
        days.day >= {{ window_start(30) }}
        {%- if is_incremental() %}
        and (
            built.day is null
            or built.day_requests <> days.requests
            or built.day_loaded_at <> days.last_loaded_at
        )
        {%- endif %}

),

requests as (

    select
        touched.day,
        touched.day_requests,
        touched.day_loaded_at,
        requests.account_id,
        {{ minute_index('requests.started_at') }} as minute,
        requests.duration_ms,
        -- Our own refusal of a customer's call is our failure; any other 4xx is the caller's and says nothing of us.
        coalesce(
            requests.status_code not between 400 and 499
            or (requests.status_code = 429 and requests.account_id is not null),
            false
        ) as is_valid,
        coalesce(
            requests.status_code >= 500
            or requests.status_code = 0
            or (requests.status_code = 429 and requests.account_id is not null),
            false
        ) as is_bad

    from {{ ref('stg_registry__api_requests') }} as requests
    inner join touched
        on {{ is_of_day('requests.started_at', utc_day('requests.started_at'), 'touched') }}

)

select
    day,
    minute,
    account_id,
    cast(count(*) as bigint) as requests,
    cast(sum(case when is_valid then 1 else 0 end) as bigint) as valid,
    cast(sum(case when is_bad then 1 else 0 end) as bigint) as bad,
    {%- for bound in [50, 75, 100, 200, 500, 1000] %}
    cast(sum(case when is_valid and not is_bad and duration_ms < {{ bound }} then 1 else 0 end) as bigint)
        as under_{{ bound }}_ms,
    {%- endfor %}
    min(day_requests) as day_requests,
    min(day_loaded_at) as day_loaded_at

from requests

group by day, minute, account_id
