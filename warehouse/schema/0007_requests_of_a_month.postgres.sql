-- It has a row for each route, which nothing asks for; the next build makes it anew.
drop table if exists intermediate.int_requests_by_minute cascade;

-- Where a day is looked for in tables that go on from what they hold; new ones are made with their indexes.
do $$
declare
    kept text;
begin
    foreach kept in array array[
        'int_skill_use_days', 'int_recommendation_days', 'int_skill_breakdown_days', 'int_session_skills'
    ] loop
        if to_regclass('intermediate.' || kept) is not null then
            execute format('create index on intermediate.%I (day)', kept);
            execute format('create index on intermediate.%I (is_day_mark)', kept);
        end if;
    end loop;
end
$$;
