-- The same by UTC hour: what an account used of the service, which is what it is metered by.
-- from raw.registry_api_requests, kept fresh every 60 minutes
select
    time_bucket('1 hour', bucket) as bucket,
    account_id,
    route,
    sum(requests)::bigint as requests,
    sum(valid)::bigint as valid,
    sum(bad)::bigint as bad,
    sum(under_50_ms)::bigint as under_50_ms,
    sum(under_75_ms)::bigint as under_75_ms,
    sum(under_100_ms)::bigint as under_100_ms,
    sum(under_200_ms)::bigint as under_200_ms,
    sum(under_500_ms)::bigint as under_500_ms,
    sum(under_1000_ms)::bigint as under_1000_ms
from rollups.requests_by_minute
group by 1, 2, 3
