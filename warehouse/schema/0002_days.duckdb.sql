-- What each day of a table that grows with time holds, kept by every merge, so that nobody has to count raw rows again.
create table raw.days (
    table_name varchar not null,
    day date not null,
    row_count bigint not null,
    last_loaded_at timestamp,
    primary key (table_name, day)
);

-- Times of rows that landed and are not yet in the rollups; written with the rows, emptied after the refresh.
create table ops.rollup_ranges (
    table_name varchar not null,
    first_at timestamp not null,
    last_at timestamp not null
);
