-- What a row of the memory of quality tiers says; those that are there tell of changes.
alter table if exists intermediate.int_skill_tiers add column if not exists kind text default 'change';
