-- Dagster's own runs and schedules, beside the warehouse and apart from it.
create database dagster;
