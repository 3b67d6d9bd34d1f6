-- A length in days, as in every other table: a bigint cannot be taken from a date.
alter table if exists build.team_time_saved alter column period_days type integer;
