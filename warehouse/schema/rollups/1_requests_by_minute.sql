-- Requests of each account and route by UTC minute, with how many were answered how fast.
-- from raw.registry_api_requests, kept fresh every 5 minutes
select
    time_bucket('1 minute', started_at) as bucket,
    account_id,
    route,
    count(*) as requests,
    count(*) filter (
        where status_code not between 400 and 499 or (status_code = 429 and account_id is not null)
    ) as valid,
    count(*) filter (
        where status_code >= 500 or status_code = 0 or (status_code = 429 and account_id is not null)
    ) as bad,
    count(*) filter (where status_code between 1 and 399 and duration_ms < 50) as under_50_ms,
    count(*) filter (where status_code between 1 and 399 and duration_ms < 75) as under_75_ms,
    count(*) filter (where status_code between 1 and 399 and duration_ms < 100) as under_100_ms,
    count(*) filter (where status_code between 1 and 399 and duration_ms < 200) as under_200_ms,
    count(*) filter (where status_code between 1 and 399 and duration_ms < 500) as under_500_ms,
    count(*) filter (where status_code between 1 and 399 and duration_ms < 1000) as under_1000_ms
from raw.registry_api_requests
group by 1, 2, 3
