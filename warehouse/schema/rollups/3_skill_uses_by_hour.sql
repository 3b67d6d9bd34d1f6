-- Invocations of each skill by UTC hour as they were reported, before scrapers and agents are left out.
-- from raw.registry_events, kept fresh every 60 minutes
select
    time_bucket('1 hour', created_at) as bucket,
    jsonb_extract_path_text(metadata, 'skill_name') as skill_name,
    count(*) as uses,
    count(*) filter (where jsonb_extract_path_text(metadata, 'success') = 'true') as successes,
    count(*) filter (where jsonb_extract_path_text(metadata, 'success') = 'false') as failures
from raw.registry_events
where event_type = 'telemetry:skill_invoke'
group by 1, 2
