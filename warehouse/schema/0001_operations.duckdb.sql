-- Schemas and the operations tables. One file a version and engine; a file that was released never changes.
create schema if not exists raw;
create schema if not exists staging;
create schema if not exists intermediate;
create schema if not exists marts;
create schema if not exists seeds;
create schema if not exists build;
create schema if not exists ops;

create table ops.schema_version (
    version bigint not null,
    applied_at timestamp not null
);

create table ops.builds (
    build_id varchar not null,
    as_of timestamp,
    started_at timestamp,
    finished_at timestamp,
    outcome varchar
);

create table ops.check_results (
    build_id varchar not null,
    check_name varchar not null,
    border varchar,
    table_name varchar not null,
    column_name varchar not null default '',
    severity varchar not null,
    status varchar not null,
    observed varchar,
    expected varchar,
    reason varchar,
    checked_at timestamp
);

create table raw.import_ledger (
    load_id varchar not null,
    source varchar,
    entity varchar,
    file_name varchar,
    file_size bigint,
    file_checksum varchar,
    started_at timestamp,
    finished_at timestamp,
    rows_seen bigint,
    rows_loaded bigint,
    rows_merged bigint,
    rows_quarantined bigint,
    rows_claimed bigint,
    bytes bigint,
    cursor_before varchar,
    cursor_after varchar,
    outcome varchar,
    error varchar,
    key_fill json,
    removed json
);

create table raw.quarantine (
    quarantine_id varchar not null,
    source varchar,
    entity varchar,
    file_name varchar,
    file_line bigint,
    reason varchar,
    row_text varchar,
    load_id varchar,
    first_seen_at timestamp,
    resolved_at timestamp
);
