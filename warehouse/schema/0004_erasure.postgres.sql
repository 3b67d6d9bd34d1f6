-- Certificates of erasure, and with them whom the import leaves out for ever. A person stands here by a mark that is
-- made from their pseudonym under the installation's key, never by an id or a pseudonym.
create table ops.erasures (
    certificate_id text not null,
    request text not null,
    person_mark text not null,
    requested_at timestamptz,
    started_at timestamptz not null,
    completed_at timestamptz
);

-- What an erasure did where; a row lands with the removal that it tells of.
create table ops.erasure_steps (
    certificate_id text not null,
    place text not null,
    action text not null,
    row_count bigint not null,
    done_at timestamptz not null
);

-- What retention removed, and the line that it drew: rows of days before kept_from never land again.
create table ops.retention_runs (
    table_name text not null,
    ran_at timestamptz not null,
    keep_days bigint not null,
    kept_from date not null,
    rows_removed bigint not null,
    days_removed bigint not null
);

-- What days held whose rows are gone, where the engine counts days from the rows themselves.
create table ops.expired_days (
    table_name text not null,
    day date not null,
    row_count bigint not null,
    last_loaded_at timestamptz,
    primary key (table_name, day)
);

create unique index erasures_certificate_id on ops.erasures (certificate_id);
