-- Tables that are made day by day from now on have a column that these lack; the next build makes them anew.
drop table if exists intermediate.int_team_skill_days cascade;
drop table if exists intermediate.int_team_user_days cascade;
drop table if exists intermediate.int_skill_windows cascade;
drop table if exists intermediate.int_team_windows cascade;
drop table if exists intermediate.int_account_windows cascade;
drop table if exists intermediate.int_habitual_users cascade;
drop table if exists intermediate.int_team_installed_skills cascade;
drop table if exists intermediate.int_seat_states cascade;
drop table if exists intermediate.int_time_saved_uses cascade;
drop table if exists build.team_skill_usage cascade;
drop table if exists build.team_activity cascade;
drop table if exists build.account_activity cascade;

-- What each day of a published table held when it was published, where publishing writes differences: a day that is
-- made again shows by another time.
create table ops.published_slices (
    table_name text not null,
    slice date not null,
    first_made_at timestamptz not null,
    last_made_at timestamptz not null,
    row_count bigint not null,
    primary key (table_name, slice)
);
