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
    applied_at timestamptz not null
);

create table ops.builds (
    build_id text not null,
    as_of timestamptz,
    started_at timestamptz,
    finished_at timestamptz,
    outcome text
);

create table ops.check_results (
    build_id text not null,
    check_name text not null,
    border text,
    table_name text not null,
    column_name text not null default '',
    severity text not null,
    status text not null,
    observed text,
    expected text,
    reason text,
    checked_at timestamptz
);

create table raw.import_ledger (
    load_id text not null,
    source text,
    entity text,
    file_name text,
    file_size bigint,
    file_checksum text,
    started_at timestamptz,
    finished_at timestamptz,
    rows_seen bigint,
    rows_loaded bigint,
    rows_merged bigint,
    rows_quarantined bigint,
    rows_claimed bigint,
    bytes bigint,
    cursor_before text,
    cursor_after text,
    outcome text,
    error text,
    key_fill jsonb,
    removed jsonb
);

create table raw.quarantine (
    quarantine_id text not null,
    source text,
    entity text,
    file_name text,
    file_line bigint,
    reason text,
    row_text text,
    load_id text,
    first_seen_at timestamptz,
    resolved_at timestamptz
);

create unique index import_ledger_load_id on raw.import_ledger (load_id);
create index import_ledger_file on raw.import_ledger (source, entity, file_name);
create index quarantine_id on raw.quarantine (quarantine_id);
create index check_results_build_id on ops.check_results (build_id);
