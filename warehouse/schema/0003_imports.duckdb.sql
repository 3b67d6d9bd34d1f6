-- How a row of the quarantine was closed: replayed or discarded.
alter table raw.quarantine add column resolution text;

-- What should have come and has not, or came twice. A gap is closed when the rest of it is there, or by a person who
-- says why it never will be.
create table ops.import_gaps (
    gap_id text not null,
    source text not null,
    entity text not null,
    kind text not null,
    day date,
    file_name text,
    rows_expected bigint,
    rows_found bigint,
    detail text,
    first_seen_at timestamp not null,
    closed_at timestamp,
    accepted_because text
);
