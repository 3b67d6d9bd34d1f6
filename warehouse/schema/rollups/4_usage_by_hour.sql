-- Events of each kind and tier by UTC hour.
-- from raw.registry_events, kept fresh every 60 minutes
select
    time_bucket('1 hour', created_at) as bucket,
    event_type,
    auth_tier,
    count(*) as events
from raw.registry_events
group by 1, 2, 3
