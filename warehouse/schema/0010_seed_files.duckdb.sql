-- Which seed files the tables of schema seeds hold, by a hash of them all. Kept here and not beside the warehouse: one
-- that is restored has the seeds of its own day.
create table if not exists ops.seed_files (
    files_hash varchar not null,
    loaded_at timestamp not null
);
