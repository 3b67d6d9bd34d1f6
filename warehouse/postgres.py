"""The server engine: PostgreSQL 15+, with TimescaleDB where it is there.

Files are still parsed by DuckDB (nothing reads JSON faster); what it staged travels by COPY into a temporary
table and is merged by the server. One advisory lock makes one writer. Every other module that needs psycopg
gets it from this one.
"""

import json
import logging
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import unquote

import numpy as np
import psycopg
import pyarrow as pa
from psycopg import conninfo
from psycopg import sql as composed
from psycopg.adapt import Loader
from psycopg.rows import dict_row, tuple_row

from warehouse import MergeCounts
from warehouse.duckdb import DuckDBReading, connect
from warehouse.errors import AccessError, SkillsmithError, StorageError, TransientError, UsageError, WarehouseBusyError
from warehouse.migrations import pending
from warehouse.settings import Settings
from warehouse.statements import column_list, is_newer, question_marks, quoted, quoted_table
from warehouse.tables import POSTGRES_TYPES, TableSpec

Connection = psycopg.Connection[dict[str, Any]]

PASSWORD_VARIABLE = "SKILLSMITH_WAREHOUSE_PASSWORD"  # noqa: S105 - the name of a variable, not a password
"""dbt reads the password from here; orchestration sets it for the dbt run only."""

_WRITER_LOCK = 0x5C111  # any number, as long as every writer takes the same
_COPY_ROWS = 50_000
_log = logging.getLogger(__name__)
_warned_without_timescale = threading.Event()


class _NaiveUtc(Loader):
    """A timestamptz as UTC without a zone, as DuckDB gives it."""

    def load(self, data: Any) -> datetime:
        text = bytes(data).decode()
        return datetime.fromisoformat(text).astimezone(UTC).replace(tzinfo=None)


class _Text(Loader):
    """A value as the text that the server sent."""

    def load(self, data: Any) -> str:
        return bytes(data).decode()


def as_known_error(error: psycopg.Error) -> SkillsmithError | None:
    """The error a person can act on behind a PostgreSQL error, or None where it is not one of those."""
    text = (str(error).splitlines() or ["connection lost"])[0]
    if isinstance(error, psycopg.errors.DiskFull):
        return StorageError(f"the PostgreSQL server is out of space: {text}; free some and try again")
    if isinstance(error, psycopg.errors.InvalidPassword | psycopg.errors.InvalidCatalogName):
        return UsageError(f"SKILLSMITH_WAREHOUSE_URL: {text}")
    if isinstance(error, psycopg.errors.InsufficientPrivilege):
        return StorageError(f"the PostgreSQL user lacks a right: {text}")
    if isinstance(
        error,
        psycopg.errors.SerializationFailure
        | psycopg.errors.DeadlockDetected
        | psycopg.errors.AdminShutdown
        | psycopg.errors.CannotConnectNow
        | psycopg.errors.TooManyConnections,
    ):
        return TransientError(f"the PostgreSQL server could not do it now: {text}")
    if type(error) is psycopg.OperationalError:
        return TransientError(f"cannot reach the PostgreSQL server of SKILLSMITH_WAREHOUSE_URL: {text}")
    return None


@contextmanager
def known_errors() -> Iterator[None]:
    """Turn what PostgreSQL says about itself, its disk and its rights into the product's own errors."""
    try:
        yield
    except psycopg.Error as error:
        known = as_known_error(error)
        if known is None:
            raise
        raise known from error


def open_connection(settings: Settings) -> Connection:
    """A connection in UTC that gives naive UTC timestamps and JSON as text; autocommit.

    Raises TransientError where the server cannot be reached, UsageError where the address is wrong.
    """
    if settings.warehouse_url is None:
        raise UsageError("set SKILLSMITH_WAREHOUSE_URL to postgresql://...")
    with known_errors():
        try:
            connection = psycopg.Connection[dict[str, Any]].connect(
                settings.warehouse_url.get_secret_value(),
                autocommit=True,
                row_factory=dict_row,
                options="-c timezone=UTC -c client_min_messages=warning",
                application_name="skillsmith-analytics",
            )
        except psycopg.ProgrammingError as error:
            raise UsageError("SKILLSMITH_WAREHOUSE_URL is not a postgresql:// address") from error
    connection.adapters.register_loader("timestamptz", _NaiveUtc)
    for kind in ("json", "jsonb"):
        connection.adapters.register_loader(kind, _Text)
    return connection


def run(
    connection: Connection, statement: str, parameters: Sequence[Any] | None = None
) -> psycopg.Cursor[dict[str, Any]]:
    """Run a statement that this program composed; psycopg wants to be told that it is not a person's text."""
    return connection.execute(statement.encode(), parameters)


def literal(connection: Connection, value: str) -> str:
    """A text as SQL writes it, for the few statements that take no parameter (SET)."""
    return composed.Literal(value).as_string(connection)


def only_read(connection: Connection) -> None:
    """From the next transaction on: read only, and of one instant."""
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    connection.read_only = True


def read_rows(
    connection: Connection, statement: str, parameters: Mapping[str, Any]
) -> tuple[list[tuple[str, int]], list[tuple[Any, ...]]]:
    """Columns (name, type's oid) and rows of one statement and no more.

    Raises AccessError where the statement is not a read of what this role may read, SkillsmithError where it takes
    too long, UsageError where it is wrong in another way.
    """
    try:
        # Prepared means the extended protocol, which takes one statement and no more.
        with connection.cursor(row_factory=tuple_row) as cursor:
            cursor.execute(statement.encode(), parameters, prepare=True)
            if cursor.description is None:
                raise AccessError("exactly one SELECT statement is read here")
            return [(column.name, column.type_code) for column in cursor.description], cursor.fetchall()
    except psycopg.errors.QueryCanceled as error:
        raise SkillsmithError("the query took too long; narrow it and try again") from error
    except (
        psycopg.errors.InsufficientPrivilege,
        psycopg.errors.UndefinedTable,
        psycopg.errors.UndefinedFunction,
        psycopg.errors.SyntaxError,
        psycopg.errors.ReadOnlySqlTransaction,
        psycopg.errors.InvalidSchemaName,
    ) as error:
        raise AccessError(str(error).splitlines()[0]) from error
    except psycopg.Error as error:
        known = as_known_error(error) or UsageError(str(error).splitlines()[0])
        raise known from error


class PostgresWriter:
    """The one writing session of a PostgreSQL warehouse; see `warehouse.Writer`."""

    def __init__(self, connection: Connection, reading: DuckDBReading) -> None:
        self._connection = connection
        self._reading = reading
        self._in_transaction = False

    @property
    def reading(self) -> DuckDBReading:
        """The DuckDB session that parses files."""
        return self._reading

    @property
    def connection(self) -> Connection:
        """The connection itself, for publishing."""
        return self._connection

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end, roll everything back on any error. Does not nest."""
        if self._in_transaction:
            raise RuntimeError("a transaction is already open")
        self._in_transaction = True
        try:
            with known_errors(), self._connection.transaction():
                yield
        finally:
            self._in_transaction = False

    @contextmanager
    def _atomic(self) -> Iterator[None]:
        if self._in_transaction:
            with known_errors():
                yield
        else:
            with self.transaction():
                yield

    def merge(self, staged: str, into: TableSpec, *, counted_by: str | None = None) -> MergeCounts:
        """Merge staged rows by key; the greater `version_by` wins, NULLs lowest.

        Keys and versions travel first: rows whose key is new, mostly all of them, are then copied straight into
        the table, and only those that replace an older version go by way of a temporary table.
        """
        rows = self._reading.sql(f"select {column_list(into.column_names)} from {staged}")
        target = quoted_table(into.qualified)
        with self._atomic():
            known, newer = self._known(rows, into)
            self._copy(target, into.column_names, _without(rows, known))
            if newer:
                self._overwrite(rows.take(pa.array(newer)), into)
        counted = rows[counted_by].take(pa.array(known, pa.int64())).to_pylist() if counted_by else []
        return MergeCounts(
            inserted=rows.num_rows - len(known),
            updated=len(newer),
            unchanged=len(known) - len(newer),
            known=Counter(counted),
        )

    def _known(self, rows: pa.Table, into: TableSpec) -> tuple[list[int], list[int]]:
        """Positions of the rows whose key the table has, and of those of them that are a later version."""
        target = quoted_table(into.qualified)
        if not rows.num_rows or not run(self._connection, f"select 1 from {target} limit 1").fetchone():
            return [], []
        names = tuple(dict.fromkeys(into.key + into.version_by))
        columns = ", ".join(f"{quoted(c.name)} {POSTGRES_TYPES[c.type]}" for c in into.columns if c.name in names)
        run(self._connection, f"create temp table _merge_keys ({columns}, _row bigint) on commit drop")
        keys = rows.select(list(names)).append_column("_row", pa.array(range(rows.num_rows), pa.int64()))
        self._copy("_merge_keys", keys.column_names, keys)
        run(self._connection, "analyze _merge_keys")
        # With a unique index the server finds a key's row by the index; `is not distinct from` cannot use one.
        on = " and ".join(f"s.{quoted(name)} = t.{quoted(name)}" for name in into.key)
        found = run(
            self._connection,
            "select coalesce(array_agg(s._row), '{}') as known, "
            f"coalesce(array_agg(s._row) filter (where {is_newer(into.version_by, 's', 't')}), '{{}}') as newer "
            f"from _merge_keys as s join {target} as t on {on}",
        ).fetchone()
        run(self._connection, "drop table _merge_keys")
        return (found["known"], found["newer"]) if found else ([], [])

    def _overwrite(self, rows: pa.Table, into: TableSpec) -> None:
        """Put rows in the place of those that have their keys."""
        names, target = column_list(into.column_names), quoted_table(into.qualified)
        run(self._connection, f"create temp table _merge_staged ({_columns(into)}) on commit drop")
        self._copy("_merge_staged", into.column_names, rows)
        run(self._connection, "analyze _merge_staged")
        on = " and ".join(f"s.{quoted(name)} = t.{quoted(name)}" for name in into.key)
        run(self._connection, f"delete from {target} as t using _merge_staged as s where {on}")
        run(self._connection, f"insert into {target} ({names}) select {names} from _merge_staged")
        run(self._connection, "drop table _merge_staged")

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert a few rows of values; a dict or list becomes JSON."""
        if not rows:
            return
        names = list(dict.fromkeys(name for row in rows for name in row))
        marks = ", ".join(["%s"] * len(names))
        values = [[_plain(row.get(name)) for name in names] for row in rows]
        with self._atomic(), self._connection.cursor() as cursor:
            statement = f"insert into {quoted_table(table)} ({column_list(names)}) values ({marks})"
            cursor.executemany(statement.encode(), values)

    def append_staged(self, staged: str, table: str) -> int:
        """Copy every staged row into the table, columns matched by name; the number inserted."""
        rows = self._reading.sql(f"select * from {staged}")
        with self._atomic():
            self._copy(quoted_table(table), rows.column_names, rows)
        return rows.num_rows

    def replace(self, table: TableSpec, rows: pa.Table) -> int:
        """Put exactly these rows in the table, creating it where it is not there; the number of rows."""
        name = quoted_table(table.qualified)
        with self._atomic():
            run(self._connection, f"create schema if not exists {quoted(table.schema)}")
            if self._shape(table) != {column.name: POSTGRES_TYPES[column.type] for column in table.columns}:
                run(self._connection, f"drop table if exists {name} cascade")
                run(self._connection, f"create table {name} ({_columns(table)})")
            run(self._connection, f"delete from {name}")
            self._copy(name, table.column_names, rows.select(list(table.column_names)))
        return rows.num_rows

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement with `?` placeholders; rows touched (-1 where unknown)."""
        with known_errors():
            cursor = run(self._connection, question_marks(statement), [_plain(value) for value in parameters])
        return cursor.rowcount

    def fetch(self, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Rows of one query with `?` placeholders. Timestamps are UTC without a zone, JSON is text."""
        with known_errors():
            return run(self._connection, question_marks(statement), [_plain(value) for value in parameters]).fetchall()

    def _shape(self, table: TableSpec) -> dict[str, str]:
        rows = run(
            self._connection,
            "select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute "
            "where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum",
            [quoted_table(table.qualified)],
        ).fetchall()
        return {row["name"]: row["type"].replace("timestamp with time zone", "timestamptz") for row in rows}

    def _copy(self, table: str, names: Sequence[str], rows: pa.Table) -> None:
        """COPY Arrow rows; the text form is made by DuckDB, so no value passes through Python one by one."""
        self._reading.register("_copy_rows", rows)
        try:
            copy = f"copy {table} ({column_list(names)}) from stdin".encode()
            lines = ", '\t', ".join(_copy_text(field) for field in rows.schema)
            with (
                self._connection.cursor() as cursor,
                cursor.copy(copy) as to,
            ):
                for start in range(0, rows.num_rows, _COPY_ROWS):
                    self._reading.register("_copy_part", rows.slice(start, _COPY_ROWS))
                    text = self._reading.sql(f"select string_agg(concat({lines}, chr(10)), '') as text from _copy_part")
                    to.write(text["text"][0].as_py())
        finally:
            self._reading.unregister("_copy_rows")
            self._reading.unregister("_copy_part")


class PostgresWarehouse:
    """The warehouse in a PostgreSQL database, `settings.warehouse_url`; see `warehouse.Warehouse`."""

    engine: Literal["duckdb", "postgres"] = "postgres"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._session = threading.Lock()
        self._connection: Connection | None = None

    def initialise(self, tables: Iterable[TableSpec] = ()) -> None:
        """Bring schemas, operations tables, `tables` and roles to this version, all or nothing; safe to repeat."""
        from warehouse.postgres_access import are_roles_prepared, prepare_roles

        with self.write() as writer:
            _warn_without_timescale(writer)
            with writer.transaction():
                for step in pending("postgres", _schema_version(writer), "the PostgreSQL warehouse"):
                    run(writer.connection, step.sql)
                    writer.execute("insert into ops.schema_version values (?, ?)", [step.version, datetime.now(UTC)])
                columns, indexes = _columns_there(writer), _indexes_there(writer)
                for table in tables:
                    _bring_up(writer, table, columns.get(table.qualified, {}), indexes)
                if not are_roles_prepared(writer.connection):
                    prepare_roles(writer.connection)

    @contextmanager
    def write(self) -> Iterator[PostgresWriter]:
        """The one writing session; raises WarehouseBusyError where another session of any process has it."""
        busy = "another process is writing to the PostgreSQL warehouse; wait until that run ends and try again"
        if not self._session.acquire(blocking=False):
            raise WarehouseBusyError(busy)
        try:
            self._connection = open_connection(self.settings)
            # The lock is the session's: a killed writer frees it with its connection.
            row = run(self._connection, "select pg_try_advisory_lock(%s) as taken", [_WRITER_LOCK]).fetchone()
            if row is None or not row["taken"]:
                raise WarehouseBusyError(busy)
            reading = connect(None, self.settings)
            try:
                yield PostgresWriter(self._connection, DuckDBReading(reading, None))
            finally:
                reading.close()
                # A closed connection's lock stays until the server notices.
                if not self._connection.closed:
                    run(self._connection, "select pg_advisory_unlock_all()")
        finally:
            self.close()
            self._session.release()

    def dbt_profile(self) -> dict[str, Any]:
        """The dbt output that builds in this database; the password is read from PASSWORD_VARIABLE."""
        if self.settings.warehouse_url is None:
            raise UsageError("set SKILLSMITH_WAREHOUSE_URL to postgresql://...")
        parts = conninfo.conninfo_to_dict(self.settings.warehouse_url.get_secret_value())
        return {
            "type": "postgres",
            "host": unquote(str(parts.get("host", "localhost"))),
            "port": int(str(parts.get("port", 5432))),
            "user": parts.get("user", ""),
            "password": "{{ env_var('" + PASSWORD_VARIABLE + "', '') }}",
            "dbname": parts.get("dbname", ""),
            "schema": "staging",
            "threads": self.settings.threads,
            "sslmode": parts.get("sslmode", "prefer"),
        }

    def dbt_environment(self) -> dict[str, str]:
        """The password, and UTC for dbt's sessions: a cast of a time to a date goes by the session's zone."""
        url = self.settings.warehouse_url
        parts = conninfo.conninfo_to_dict(url.get_secret_value()) if url else {}
        # A build is a few large statements; compiling each at run time takes longer than it saves.
        return {PASSWORD_VARIABLE: str(parts.get("password") or ""), "PGOPTIONS": "-c timezone=UTC -c jit=off"}

    def close(self) -> None:
        """Close the connection; the next session opens anew."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _plain(value: object) -> object:
    if isinstance(value, dict | list | tuple):
        return json.dumps(value)
    return value


def _columns(table: TableSpec) -> str:
    return ", ".join(
        f"{quoted(column.name)} {POSTGRES_TYPES[column.type]}{' not null' if column.name in table.key else ''}"
        for column in table.columns
    )


def _without(rows: pa.Table, positions: Sequence[int]) -> pa.Table:
    if not positions:
        return rows
    kept = np.ones(rows.num_rows, dtype=bool)
    kept[list(positions)] = False
    return rows.filter(pa.array(kept))


def _copy_text(field: pa.Field) -> str:
    r"""DuckDB's expression of one value in COPY's text form: \N for NULL, backslash, tab and line ends escaped."""
    name = quoted(field.name)
    if any(is_kind(field.type) for is_kind in _NEVER_ESCAPED):
        return f"coalesce(cast({name} as varchar), '\\N')"
    escaped = f"replace(cast({name} as varchar), '\\', '\\\\')"
    for code, letter in ((9, "t"), (10, "n"), (13, "r")):
        escaped = f"replace({escaped}, chr({code}), '\\{letter}')"
    # PostgreSQL cannot hold the NUL character; the row is worth more than the character.
    return f"coalesce(replace({escaped}, chr(0), ''), '\\N')"


_NEVER_ESCAPED = (
    pa.types.is_integer,
    pa.types.is_floating,
    pa.types.is_decimal,
    pa.types.is_boolean,
    pa.types.is_temporal,
)


def _schema_version(writer: PostgresWriter) -> int:
    if writer.fetch("select to_regclass('ops.schema_version') as there")[0]["there"] is None:
        return 0
    return writer.fetch("select coalesce(max(version), 0) as version from ops.schema_version")[0]["version"]


def _columns_there(writer: PostgresWriter) -> dict[str, dict[str, bool]]:
    """Columns of every table, and whether each may not be NULL, by `schema.table`; asked once for all tables."""
    there: dict[str, dict[str, bool]] = {}
    for row in writer.fetch(
        "select n.nspname || '.' || c.relname as name, a.attname as column_name, a.attnotnull as is_required "
        "from pg_attribute as a join pg_class as c on a.attrelid = c.oid "
        "join pg_namespace as n on c.relnamespace = n.oid "
        "where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped "
        "and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like '\\_timescaledb%'"
    ):
        there.setdefault(row["name"], {})[row["column_name"]] = row["is_required"]
    return there


def _indexes_there(writer: PostgresWriter) -> set[str]:
    rows = writer.fetch(
        "select n.nspname || '.' || c.relname as name from pg_class as c "
        "join pg_namespace as n on c.relnamespace = n.oid where c.relkind in ('i', 'I')"
    )
    return {row["name"] for row in rows}


def _bring_up(writer: PostgresWriter, table: TableSpec, there: Mapping[str, bool], indexes: set[str]) -> None:
    """Create a table with its key, or add the columns that it lacks; nothing is asked of the server here."""
    name = quoted_table(table.qualified)
    if not there:
        writer.execute(f"create schema if not exists {quoted(table.schema)}")
        writer.execute(f"create table {name} ({_columns(table)})")
    for column in table.columns:
        if there and column.name not in there:
            writer.execute(f"alter table {name} add column {quoted(column.name)} {POSTGRES_TYPES[column.type]}")
        if there and column.name in table.key and not there.get(column.name):
            writer.execute(f"alter table {name} alter column {quoted(column.name)} set not null")
    index = f"{table.name[:50]}_key"
    if table.key and f"{table.schema}.{index}" not in indexes:
        writer.execute(f"create unique index {quoted(index)} on {name} ({column_list(table.key)})")


def _warn_without_timescale(writer: PostgresWriter) -> None:
    if _warned_without_timescale.is_set():
        return
    if not writer.fetch("select 1 from pg_extension where extname = 'timescaledb'"):
        _warned_without_timescale.set()
        _log.warning("TimescaleDB is not installed in this database; plain tables are used")
