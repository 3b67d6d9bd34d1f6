-- Certificates of erasure, and with them whom the import leaves out for ever. A person stands here by a mark that is
-- made from their pseudonym under the installation's key, never by an id or a pseudonym.
create table ops.erasures (
    certificate_id varchar not null,
    request varchar not null,
    person_mark varchar not null,
    requested_at timestamp,
    started_at timestamp not null,
    completed_at timestamp
);

-- What an erasure did where; a row lands with the removal that it tells of.
create table ops.erasure_steps (
    certificate_id varchar not null,
    place varchar not null,
    action varchar not null,
    row_count bigint not null,
    done_at timestamp not null
);

-- What retention removed, and the line that it drew: rows of days before kept_from never land again.
create table ops.retention_runs (
    table_name varchar not null,
    ran_at timestamp not null,
    keep_days bigint not null,
    kept_from date not null,
    rows_removed bigint not null,
    days_removed bigint not null
);

-- What days held whose rows are gone, where the engine counts days from the rows themselves.
create table ops.expired_days (
    table_name varchar not null,
    day date not null,
    row_count bigint not null,
    last_loaded_at timestamp,
    primary key (table_name, day)
);
