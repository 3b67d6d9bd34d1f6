"""What TimescaleDB does for the warehouse: chunks, columns for old rows, rollups that refresh themselves.

A raw table with a `Timeline` becomes a hypertable; `schema/rollups/*.sql` become continuous aggregates in schema
`rollups`. On a PostgreSQL without the extension the same tables are plain ones with an index on their time, and the
rollups are views: every answer is the same, only slower and larger. Reasons and figures: docs/decisions/0015.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from warehouse.statements import quoted_table
from warehouse.tables import TableSpec, Timeline

_FOLDER = Path(__file__).resolve().parent / "schema" / "rollups"
_SOURCE = re.compile(r"^-- from (\S+), kept fresh every (\d+) minutes$", re.MULTILINE)
# Never while the import that brought the table up is still at work.
_NEXT_NIGHT = "initial_start => (date_trunc('day', now() at time zone 'UTC') + interval '26 hours') at time zone 'UTC'"
_ROLLUP_CHUNK_DAYS = 28
_ROLLUP_COLUMNS_AFTER_DAYS = 7
_BUCKET = re.compile(r"time_bucket\('(1 \w+)', (\w+)\)")


@dataclass(frozen=True, slots=True)
class Rollup:
    """One continuous aggregate: its name, the raw table below it, its select, minutes between two refreshes."""

    name: str
    raw_table: str
    select: str
    every_minutes: int

    @property
    def qualified(self) -> str:
        """`rollups.name`."""
        return f"rollups.{self.name}"

    @property
    def bucket(self) -> timedelta:
        """The width of one bucket."""
        return timedelta(hours=1) if "'1 hour'" in self.select else timedelta(minutes=1)

    @property
    def plain_select(self) -> str:
        """The select as PostgreSQL without the extension reads it."""
        return _BUCKET.sub(r"date_bin('\1', \2, timestamptz '2000-01-01 00:00:00+00')", self.select)


@cache
def rollups() -> tuple[Rollup, ...]:
    """Every rollup, those on raw tables before those on other rollups."""
    found = []
    for path in sorted(_FOLDER.glob("*.sql")):
        text = path.read_text(encoding="utf-8")
        source = _SOURCE.search(text)
        if source is None:
            raise RuntimeError(f"{path.name} does not say what it is made from")
        found.append(Rollup(path.stem.partition("_")[2], source[1], text.rstrip(), int(source[2])))
    return tuple(found)


def key_of(table: TableSpec, is_hypertable: bool) -> tuple[str, ...]:
    """The columns of a table's unique index: TimescaleDB wants the time in it, and first it serves time ranges too."""
    if not is_hypertable or table.timeline is None:
        return table.key
    return (table.timeline.column, *(name for name in table.key if name != table.timeline.column))


def make_hypertable(table: TableSpec) -> list[str]:
    """Statements that turn a table, empty or not, into chunks; its unique index must fit (`key_of`) by then."""
    line = table.timeline
    if line is None:
        return []
    name = f"'{quoted_table(table.qualified)}'"
    return [
        f"select create_hypertable({name}, by_range('{line.column}', interval '{line.chunk_days} days'), "
        "create_default_indexes => false, migrate_data => true)",
        *columnstore(table),
    ]


def columnstore(table: TableSpec) -> list[str]:
    """Statements that say how old chunks become columns, and the policy that does it."""
    line = table.timeline
    if line is None:
        return []
    name = quoted_table(table.qualified)
    return [
        f"alter table {name} set (timescaledb.compress, {_layout(line)})",
        f"select add_compression_policy('{name}', interval '{line.compress_after_days} days', if_not_exists => true, "
        f"{_NEXT_NIGHT})",
    ]


def layout_of(line: Timeline) -> tuple[str, str]:
    """By what the columns of old chunks are kept apart, and in which order they are; as LAYOUTS has it."""
    return ",".join(line.segment_by), ",".join(line.order_by or (line.column,))


def _layout(line: Timeline) -> str:
    segment_by, order_by = layout_of(line)
    return f"timescaledb.compress_segmentby = '{segment_by}', timescaledb.compress_orderby = '{order_by}'"


def lay_out_anew(name: str, line: Timeline) -> str:
    """The statement by which a table's chunks become columns so from now on; those that are columns stay."""
    return f"alter table {quoted_table(name)} set ({_layout(line)})"


def no_retention(table: TableSpec) -> str:
    """The statement that ends a table's retention policy; `ingest.retention` drops chunks when they may go."""
    return f"select remove_retention_policy('{quoted_table(table.qualified)}', if_exists => true)"


OLD_CHUNKS = (
    "select max(range_end) as until from timescaledb_information.chunks "
    "where hypertable_schema || '.' || hypertable_name = ? and range_end <= ?"
)
"""Where the chunks of a hypertable end that lie before a time as a whole."""


def drop_chunks(table: TableSpec, until: datetime) -> str:
    """The statement that drops the chunks before a time (UTC without a zone)."""
    return f"select drop_chunks('{quoted_table(table.qualified)}', older_than => '{until}+00'::timestamptz)"


def make_rollup(rollup: Rollup, is_timescale: bool) -> list[str]:
    """Statements that create one rollup, empty; a view where there is no extension."""
    name = quoted_table(rollup.qualified)
    if not is_timescale:
        return [f"create view {name} as {rollup.plain_select}"]
    return [
        f"create materialized view {name} with (timescaledb.continuous, timescaledb.materialized_only = true, "
        f"timescaledb.chunk_interval = '{_ROLLUP_CHUNK_DAYS} days', timescaledb.create_group_indexes = false) as "
        f"{rollup.select} with no data",
        _refresh_policy(rollup, "null"),
        *rollup_columnstore(rollup),
    ]


def rollup_columnstore(rollup: Rollup) -> list[str]:
    """Statements that say how a rollup's old chunks become columns, and the policy that does it."""
    name = quoted_table(rollup.qualified)
    return [
        f"alter materialized view {name} set (timescaledb.compress, timescaledb.compress_orderby = 'bucket')",
        f"select add_compression_policy('{name}', interval '{_ROLLUP_COLUMNS_AFTER_DAYS} days', if_not_exists => true, "
        f"{_NEXT_NIGHT})",
    ]


def keep_rollup(rollup: Rollup, raw_days: int) -> list[str]:
    """Statements that leave a rollup as it is where raw rows are older than `raw_days`.

    TimescaleDB takes the buckets of a dropped chunk for changed; a policy that looked there would empty them.
    """
    return [
        f"select remove_continuous_aggregate_policy('{quoted_table(rollup.qualified)}', if_exists => true)",
        _refresh_policy(rollup, f"interval '{raw_days} days'"),
    ]


def _refresh_policy(rollup: Rollup, since: str) -> str:
    # A window shorter than two buckets is refused; the end is left to the next import or the next hour.
    return (
        f"select add_continuous_aggregate_policy('{quoted_table(rollup.qualified)}', start_offset => {since}, "
        f"end_offset => interval '{int(rollup.bucket.total_seconds())} seconds', "
        f"schedule_interval => interval '{rollup.every_minutes} minutes', {_NEXT_NIGHT})"
    )


def refresh_rollup(rollup: Rollup, first: datetime, last: datetime, version: str) -> str:
    """The call that makes a rollup hold what raw holds from `first` to `last` (UTC without a zone, both included).

    Only buckets that TimescaleDB knows to have changed are computed, however long the range. From its `version` 2.28 on
    it would do ten of them a transaction where it is not told otherwise: 128 s for the minutes of forty days, in one 2.
    """
    major, minor = (int(part) for part in version.split(".")[:2])
    at_once = """, options => '{"buckets_per_batch": 0}'""" if (major, minor) >= (2, 28) else ""
    start = first.replace(minute=0, second=0, microsecond=0)
    end = last.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    return (
        f"call refresh_continuous_aggregate('{rollup.qualified}', '{start}+00'::timestamptz, '{end}+00'::timestamptz"
        f"{at_once})"
    )


VERSION = "select extversion as version from pg_extension where extname = 'timescaledb'"
"""The version of the extension in this database."""

HYPERTABLES = (
    "select h.hypertable_schema || '.' || h.hypertable_name as name, "
    "(j.config ->> 'drop_after')::interval as keep "
    "from timescaledb_information.hypertables as h "
    "left join timescaledb_information.jobs as j on j.proc_name = 'policy_retention' "
    "and j.hypertable_schema = h.hypertable_schema and j.hypertable_name = h.hypertable_name"
)
"""Hypertables and how long each keeps its rows."""

LAYOUTS = (
    "select hypertable_schema || '.' || hypertable_name as name, "
    "coalesce(string_agg(attname, ',' order by segmentby_column_index) filter (where segmentby_column_index > 0), '') "
    "as segment_by, "
    "coalesce(string_agg(attname, ',' order by orderby_column_index) filter (where orderby_column_index > 0), '') "
    "as order_by from timescaledb_information.compression_settings where hypertable_schema = 'raw' and pg_has_role("
    "(select relowner from pg_class where oid = format('%I.%I', hypertable_schema, hypertable_name)::regclass), "
    "'usage') group by 1"
)
"""How columns of raw tables lie that are made from now on; a mere importer changes nothing there, and finds none."""

ROLLUPS = (
    "select n.nspname || '.' || c.relname as name from pg_class as c join pg_namespace as n on c.relnamespace = n.oid "
    "where n.nspname = 'rollups' and c.relkind in ('v', 'm')"
)
"""Rollups that are there, in either form."""

ROLLUPS_IN_ROWS = (
    "select view_schema || '.' || view_name as name from timescaledb_information.continuous_aggregates "
    "where view_schema = 'rollups' and not compression_enabled"
)
"""Rollups of an older version, whose old chunks stay rows."""

CHUNKS = (
    "select coalesce(a.view_schema || '.' || a.view_name, c.hypertable_schema || '.' || c.hypertable_name) "
    "as table_name, count(*) as chunks, count(*) filter (where c.is_compressed) as compressed_chunks, "
    "min(c.range_start) as first_at, max(c.range_end) as last_at, "
    "(select round(sum(s.before_compression_total_bytes) / nullif(sum(s.after_compression_total_bytes), 0), 1)::float "
    "from hypertable_compression_stats("
    "(quote_ident(c.hypertable_schema) || '.' || quote_ident(c.hypertable_name))::regclass) as s) as compression_ratio "
    "from timescaledb_information.chunks as c left join timescaledb_information.continuous_aggregates as a "
    "on a.materialization_hypertable_schema = c.hypertable_schema "
    "and a.materialization_hypertable_name = c.hypertable_name "
    "where c.hypertable_schema = 'raw' or a.view_schema = 'rollups' "
    "group by c.hypertable_schema, c.hypertable_name, a.view_schema, a.view_name order by 1"
)
"""Chunks of raw tables and rollups, and how many times smaller the compressed ones are than they were."""

JOBS = (
    "select j.job_id, j.proc_name as job, coalesce(j.hypertable_schema || '.' || j.hypertable_name, '') as table_name, "
    "s.last_run_status, s.total_runs, s.total_failures, nullif(s.next_start, '-infinity') as next_start, "
    "nullif(s.last_successful_finish, '-infinity') as last_successful_finish "
    "from timescaledb_information.jobs as j left join timescaledb_information.job_stats as s using (job_id) "
    "where j.job_id >= 1000 order by j.job_id"
)
_BLOATED = "n_dead_tup > 1000 and n_dead_tup > 0.2 * n_live_tup order by n_dead_tup desc limit 5"
BLOAT = (
    "select schemaname || '.' || relname as table_name, n_live_tup as live_rows, n_dead_tup as dead_rows, "
    "pg_total_relation_size(relid) as bytes from pg_stat_user_tables "
    f"where schemaname not like '\\_timescaledb%' and {_BLOATED}"
)
"""Tables of which more than a sixth is dead rows, the worst first."""

BLOAT_WITH_CHUNKS = (
    "with of_chunks as (select c.chunk_schema, c.chunk_name, coalesce(a.view_schema || '.' || a.view_name, "
    "c.hypertable_schema || '.' || c.hypertable_name) as table_name from timescaledb_information.chunks as c "
    "left join timescaledb_information.continuous_aggregates as a "
    "on a.materialization_hypertable_schema = c.hypertable_schema "
    "and a.materialization_hypertable_name = c.hypertable_name), "
    "counted as (select coalesce(o.table_name, s.schemaname || '.' || s.relname) as table_name, "
    "sum(s.n_live_tup)::bigint as n_live_tup, sum(s.n_dead_tup)::bigint as n_dead_tup, "
    "sum(pg_total_relation_size(s.relid))::bigint as bytes from pg_stat_user_tables as s "
    "left join of_chunks as o on o.chunk_schema = s.schemaname and o.chunk_name = s.relname "
    "where o.table_name is not null or s.schemaname not like '\\_timescaledb%' group by 1) "
    "select table_name, n_live_tup as live_rows, n_dead_tup as dead_rows, bytes from counted where "
    f"{_BLOATED}"
)
"""The same with the chunks of a hypertable as the table that they are; their rows in columns are no rows here."""
