"""How rows that DuckDB staged reach a table of PostgreSQL: new ones by COPY, later versions in place of earlier ones.

No row passes through Python (`warehouse.postgres_copy`). The server is asked only about keys that it could have: of a
hypertable those whose day has rows already (docs/decisions/0015).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from warehouse import MergeCounts, citus, timescale
from warehouse.duckdb import DuckDBReading
from warehouse.postgres import Connection, run
from warehouse.postgres_copy import copy_rows
from warehouse.statements import column_list, is_newer, quoted, quoted_table
from warehouse.tables import POSTGRES_TYPES, TableSpec, Timeline

_COPIED, _KNOWN, _NEWER, _DAYS = "_merge_rows", "_merge_known", "_merge_newer", "_merge_days"
_NUMBERED = "_merge_numbered"


@dataclass(frozen=True, slots=True)
class _Span:
    """The days of a hypertable in which a statement has to look; everywhere where `column` is empty."""

    column: str = ""
    first: date | None = None
    last: date | None = None

    def condition(self) -> str:
        """The span as a condition on alias `t`, in literals: only those let the planner leave chunks out."""
        if not self.column or self.first is None or self.last is None:
            return "true"
        column, after = f"t.{quoted(self.column)}", self.last + timedelta(days=1)
        return f"{column} >= '{self.first}' and {column} < '{after}'"


@dataclass(frozen=True, slots=True)
class _Rows:
    """Staged rows: the table or view that has them, the column that numbers them, and how many they are."""

    name: str
    row: str
    total: int


class PostgresMerge:
    """Merges and copies staged rows in the transaction of one connection, whose time zone is UTC."""

    def __init__(self, connection: Connection, reading: DuckDBReading, *, is_citus: bool) -> None:
        self._connection = connection
        self._is_citus = is_citus
        self._reading = reading
        self._hypertables: set[str] | None = None

    def merge(
        self, staged: str, into: TableSpec, counted_by: str | None, numbered_by: str | None = None
    ) -> MergeCounts:
        """Merge staged rows by key; the greater `version_by` wins, NULLs lowest. See `warehouse.Writer.merge`."""
        columns = citus.landing_columns(into) if self._is_citus else column_list(into.column_names)
        if numbered_by:
            row = quoted(numbered_by)
            self._reading.sql(f"create or replace temp view {_NUMBERED} as select {columns}, {row} from {staged}")
            rows = self._rows(_NUMBERED, row)
        else:
            self._reading.sql(f"create or replace temp table {_COPIED} as select {columns} from {staged}")
            rows = self._rows(_COPIED, "rowid")
        if into.timeline:
            self._begin_days(into)
        known, newer, span = self._known(into, rows)
        self._reading.register(_KNOWN, pa.table({"row": pa.array(known, pa.int64())}))
        self._reading.register(_NEWER, pa.table({"row": pa.array(newer, pa.int64())}))
        is_new = f"{rows.row} not in (select row from {_KNOWN})" if known else "true"
        self._copy(quoted_table(into.qualified), into.column_names, rows, where=is_new)
        moved_from = self._overwrite(into, span, rows) if newer else {}
        if into.timeline:
            landed = f"{is_new} or {rows.row} in (select row from {_NEWER})"
            self._add_days(into, into.timeline, rows, landed, moved_from)
        by: Counter[str] = Counter()
        if counted_by and known:
            counted = self._reading.sql(
                f"select {quoted(counted_by)} as value, count(*) as n from {rows.name} "
                f"where {rows.row} in (select row from {_KNOWN}) group by all"
            )
            by.update(dict(zip(counted["value"].to_pylist(), counted["n"].to_pylist(), strict=True)))
        for name in (_KNOWN, _NEWER):
            self._reading.unregister(name)
        self._reading.sql(f"drop {'view' if numbered_by else 'table'} {rows.name}")
        inserted = rows.total - len(known)
        return MergeCounts(inserted=inserted, updated=len(newer), unchanged=len(known) - len(newer), known=by)

    def append(self, staged: str, table: str) -> int:
        """Copy every staged row into the table, columns matched by name; the number inserted.

        PostgreSQL cannot hold the NUL character; where one may be, the row is worth more than the character.
        """
        values = [
            (
                column["column_name"],
                f"replace({quoted(column['column_name'])}::varchar, chr(0), '')"
                if column["column_type"] in ("VARCHAR", "JSON")
                else quoted(column["column_name"]),
            )
            for column in self._reading.sql(f"describe {staged}").to_pylist()
        ]
        return copy_rows(self._connection, self._reading, quoted_table(table), values, staged)

    def _rows(self, name: str, row: str) -> _Rows:
        return _Rows(name, row, self._count(f"select count(*) as n from {name}"))

    def _count(self, statement: str) -> int:
        return self._reading.sql(statement)["n"][0].as_py()

    def _known(self, into: TableSpec, rows: _Rows) -> tuple[list[int], list[int], _Span]:
        """Rows whose key the table has and the later versions among them, by number; the days that were looked at."""
        target = quoted_table(into.qualified)
        if not rows.total or not run(self._connection, f"select 1 from {target} limit 1").fetchone():
            return [], [], _Span()
        where, span = "true", _Span()
        if into.timeline and self._is_hypertable(into):
            where, span = self._days_with_rows(into, into.timeline, rows)
        names = tuple(dict.fromkeys(into.key + into.version_by))
        asked = self._count(f"select count(*) as n from {rows.name} where {where}")
        if not asked:
            return [], [], span
        columns = ", ".join(f"{quoted(c.name)} {POSTGRES_TYPES[c.type]}" for c in into.columns if c.name in names)
        run(self._connection, f"create temp table _merge_keys ({columns}, _row bigint) on commit drop")
        self._copy("_merge_keys", (*names, "_row"), rows, where=where, number_as="_row")
        run(self._connection, "analyze _merge_keys")
        # With a unique index the server finds a key's row by the index; `is not distinct from` cannot use one.
        on = " and ".join(f"s.{quoted(name)} = t.{quoted(name)}" for name in into.key)
        # The names of files in the order of their bytes, as everywhere else, whatever the database's own order is.
        by_bytes = {column.name: "C" for column in into.columns if column.type == "text"}
        newer = is_newer(into.version_by, "s", "t", by_bytes)
        found = run(
            self._connection,
            "select coalesce(array_agg(s._row), '{}') as known, "
            f"coalesce(array_agg(s._row) filter (where {newer}), '{{}}') as newer "
            f"from _merge_keys as s join {target} as t on {on} where {span.condition()}",
        ).fetchone()
        run(self._connection, "drop table _merge_keys")
        return (found["known"], found["newer"], span) if found else ([], [], span)

    def _days_with_rows(self, into: TableSpec, line: Timeline, rows: _Rows) -> tuple[str, _Span]:
        """The condition that a staged row lies between days of which the hypertable has rows, and those days."""
        there = run(
            self._connection, "select day from raw.days where table_name = %s and row_count > 0", [into.name]
        ).fetchall()
        self._reading.register(_DAYS, pa.table({"day": pa.array([row["day"] for row in there], pa.date32())}))
        day = f"cast({quoted(line.column)} as date)"
        try:
            shared = self._reading.sql(
                f"select min(day) as first, max(day) as last from {_DAYS} where day in (select {day} from {rows.name})"
            ).to_pylist()[0]
        finally:
            self._reading.unregister(_DAYS)
        if shared["first"] is None:
            return "false", _Span(line.column)
        return f"{day} between '{shared['first']}' and '{shared['last']}'", _Span(
            line.column, shared["first"], shared["last"]
        )

    def _is_hypertable(self, table: TableSpec) -> bool:
        if self._hypertables is None:
            there = run(self._connection, "select to_regclass('timescaledb_information.hypertables') as at").fetchone()
            found = run(self._connection, timescale.HYPERTABLES).fetchall() if there and there["at"] else []
            self._hypertables = {row["name"] for row in found}
        return table.qualified in self._hypertables

    def _overwrite(self, into: TableSpec, span: _Span, rows: _Rows) -> dict[date, int]:
        """Put the later versions in the place of what has their keys; how many rows went from each day."""
        names, target = column_list(into.column_names), quoted_table(into.qualified)
        columns = ", ".join(f"{quoted(column.name)} {POSTGRES_TYPES[column.type]}" for column in into.columns)
        run(self._connection, f"create temp table _merge_staged ({columns}) on commit drop")
        self._copy("_merge_staged", into.column_names, rows, where=f"{rows.row} in (select row from {_NEWER})")
        run(self._connection, "analyze _merge_staged")
        using = "using _merge_staged as s where " + " and ".join(
            f"s.{quoted(name)} = t.{quoted(name)}" for name in into.key
        )
        if self._is_citus:
            # There a table of the session's own may be asked, not joined.
            using = f"where ({column_list(into.key)}) in (select {column_list(into.key)} from _merge_staged)"
        if self._is_hypertable(into):
            # Replaced rows of old chunks come out of their columns first; the policy puts the chunk back in order.
            run(self._connection, "set local timescaledb.max_tuples_decompressed_per_dml_transaction = 0")
        day = f"({_day(into, 't')})" if into.timeline else "null::date"
        gone = run(
            self._connection,
            f"with gone as (delete from {target} as t {using} and {span.condition()} "
            f"returning {day} as day) select day, count(*) as n from gone group by day",
        ).fetchall()
        run(self._connection, f"insert into {target} ({names}) select {names} from _merge_staged")
        run(self._connection, "drop table _merge_staged")
        return {row["day"]: row["n"] for row in gone}

    def _begin_days(self, into: TableSpec) -> None:
        """Count a table that has rows but no days yet, once; from then on every merge keeps them."""
        # Asked by itself: a plan over all chunks takes a while to make, even where nothing of it runs.
        if run(self._connection, "select 1 from raw.days where table_name = %s limit 1", [into.name]).fetchone():
            return
        run(
            self._connection,
            f"insert into raw.days select '{into.name}', {_day(into, 't')}, count(*), max(loaded_at) "
            f"from {quoted_table(into.qualified)} as t group by 2",
        )

    def _add_days(self, into: TableSpec, line: Timeline, rows: _Rows, where: str, gone: Mapping[date, int]) -> None:
        """Count the rows that landed, and the rollups' range that they lie in."""
        landed = self._reading.sql(
            f"select cast({quoted(line.column)} as date) as day, count(*) as n, max(loaded_at) as at "
            f"from {rows.name} where {where} group by 1"
        ).to_pylist()
        if not landed:
            return
        values = [[into.name, row["day"], row["n"], row["at"].replace(tzinfo=UTC)] for row in landed]
        at = max(value[3] for value in values)
        values += [[into.name, day, -count, at] for day, count in gone.items()]
        with self._connection.cursor() as cursor:
            cursor.executemany(
                b"insert into raw.days as d values (%s, %s, %s, %s) on conflict (table_name, day) do update set "
                b"row_count = d.row_count + excluded.row_count, "
                b"last_loaded_at = greatest(d.last_loaded_at, excluded.last_loaded_at)",
                values,
            )
        days = [value[1] for value in values]
        run(
            self._connection,
            "insert into ops.rollup_ranges values (%s, %s, %s)",
            [into.qualified, _midnight(min(days)), _midnight(max(days) + timedelta(days=1))],
        )

    def _copy(
        self, target: str, names: Sequence[str], rows: _Rows, *, where: str = "true", number_as: str = ""
    ) -> None:
        values = [(name, rows.row if name == number_as else quoted(name)) for name in names]
        copy_rows(self._connection, self._reading, target, values, f"{rows.name} where {where}")


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def _day(table: TableSpec, alias: str) -> str:
    """The UTC day of a row, as SQL."""
    column = table.timeline.column if table.timeline else ""
    is_date = any(each.name == column and each.type == "date" for each in table.columns)
    return f"{alias}.{quoted(column)}" if is_date else f"cast({alias}.{quoted(column)} at time zone 'UTC' as date)"
