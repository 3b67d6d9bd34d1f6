-- It has a row for each route, which nothing asks for; the next build makes it anew.
drop table if exists intermediate.int_requests_by_minute cascade;

-- Where a day, a period or a person is looked for in tables that stay; new ones are made with these indexes.
do $$
declare
    there text;
begin
    foreach there in array array[
        'int_skill_use_days', 'int_recommendation_days', 'int_skill_breakdown_days', 'int_session_skills'
    ] loop
        if to_regclass('intermediate.' || there) is not null then
            execute format('create index on intermediate.%I (day)', there);
            execute format('create index on intermediate.%I (is_day_mark)', there);
        end if;
    end loop;
    foreach there in array array[
        'team_skill_usage', 'team_installed_skills', 'team_skill_breakdown', 'excluded_events'
    ] loop
        if to_regclass('metrics.' || there) is not null then
            execute format('create index on metrics.%I (team_id, period_end)', there);
        end if;
    end loop;
    foreach there in array array['marts__fct_skill_days', 'marts__dim_team_members'] loop
        if to_regclass('metrics.' || there) is not null then
            execute format('create index on metrics.%I (actor_key)', there);
        end if;
    end loop;
end
$$;
