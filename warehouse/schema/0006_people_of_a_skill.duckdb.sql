-- Tables that go on from what they hold have a column that these lack; the next build makes them anew.
drop table if exists intermediate.int_team_skill_days;
drop table if exists intermediate.int_skill_windows;
drop table if exists build.team_skill_usage;
