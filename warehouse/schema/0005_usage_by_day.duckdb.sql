-- Tables that are made day by day from now on have a column that these lack; the next build makes them anew.
drop table if exists intermediate.int_team_skill_days;
drop table if exists intermediate.int_team_user_days;
drop table if exists intermediate.int_skill_windows;
drop table if exists intermediate.int_team_windows;
drop table if exists intermediate.int_account_windows;
drop table if exists intermediate.int_habitual_users;
drop table if exists intermediate.int_team_installed_skills;
drop table if exists intermediate.int_seat_states;
drop table if exists intermediate.int_time_saved_uses;
drop table if exists build.team_skill_usage;
drop table if exists build.team_activity;
drop table if exists build.account_activity;

-- What each day of a published table held when it was published, where publishing writes differences: a day that is
-- made again shows by another time.
create table ops.published_slices (
    table_name text not null,
    slice date not null,
    first_made_at timestamp not null,
    last_made_at timestamp not null,
    row_count bigint not null,
    primary key (table_name, slice)
);
