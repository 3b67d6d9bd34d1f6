"""The server engine: PostgreSQL 15+, with TimescaleDB or Citus where one of them is there.

Files are still parsed by DuckDB (nothing reads JSON faster); what it staged travels by COPY into a temporary
table and is merged by the server. One advisory lock makes one writer. Every other module that needs psycopg
gets it from this one.
"""

import json
import logging
import select
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal

import psycopg
import pyarrow as pa
from psycopg import conninfo
from psycopg import sql as composed
from psycopg.adapt import Loader
from psycopg.rows import dict_row, tuple_row

from warehouse import MergeCounts, Step, citus, timescale
from warehouse.duckdb import DuckDBReading, connect
from warehouse.errors import AccessError, SkillsmithError, StorageError, TransientError, UsageError, WarehouseBusyError
from warehouse.migrations import pending
from warehouse.settings import Settings
from warehouse.statements import column_list, question_marks, quoted, quoted_table
from warehouse.tables import POSTGRES_TYPES, TableSpec

Connection = psycopg.Connection[dict[str, Any]]
RightLackingError = psycopg.errors.InsufficientPrivilege
"""What the server raises where this session's user may not do something."""

PASSWORD_VARIABLE = "SKILLSMITH_WAREHOUSE_PASSWORD"  # noqa: S105 - the name of a variable, not a password
"""dbt reads the password from here; orchestration sets it for the dbt run only."""

_WRITER_LOCK, _RUN_LOCK = 0x5C111, 0x5C112  # any numbers, as long as everybody takes the same
_POLICY_TRIES = 30
_CONCURRENT = ("simple_heap_update", "simple_heap_delete")  # "tuple concurrently updated", "... deleted"
_LOCK_SECONDS = 60
_BUILD_LOCK_SECONDS = 300  # a dump or a long query reads tables that a model makes anew
_HEALTH_LOCK_SECONDS = 1
_SILENT_SECONDS = 3  # a shorter wait is not worth a line
_WRITER_SECONDS = 5  # a killed writer's session ends within a second or two, and who runs it again must not be refused
_SESSION_OPTIONS = (
    "-c timezone=UTC -c datestyle=ISO -c intervalstyle=postgres -c extra_float_digits=1 -c client_encoding=UTF8 "
    "-c standard_conforming_strings=on -c transform_null_equals=off -c quote_all_identifiers=off -c search_path=public "
    "-c default_transaction_isolation=read\\ committed -c row_security=on -c client_min_messages=warning "
    "-c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0 -c client_connection_check_interval=1s "
    "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3 -c jit=off"
)
"""What server, database or role have set otherwise would change what a value looks like or where a name is found, or
would end a session that keeps a lock while something else is at work.

The server is told to look for a client that has died, for it would work on, and keep its locks, until it answers.

It is told not to compile statements: each chunk that a plan names is compiled by itself, which takes a second for a
hypertable of half a year even where none of them is read.
"""
_ENCODING_VARIABLE = "PGCLIENTENCODING"
_SECURITY = ("PGSSL", "PGCHANNELBINDING", "PGREQUIREAUTH", "PGGSS", "PGKRB")
"""How the variables begin that say how safe a connection has to be; dbt's profile has no place for most of them."""

_CONNECT_SECONDS = 10
_MOST_IDLE = 8
_TRUSTED_SECONDS = 5.0
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
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return StorageError(
            f"the PostgreSQL server only reads ({text}): give the address of the primary, or see whether the database "
            "or its user have default_transaction_read_only"
        )
    if isinstance(error, psycopg.errors.LockNotAvailable):
        return TransientError(
            f"another session keeps a table of the warehouse locked ({text}); pg_stat_activity has the transactions "
            "that have been open for long"
        )
    if isinstance(error, psycopg.errors.QueryCanceled):
        return SkillsmithError(f"the PostgreSQL server stopped a statement ({text}); see SKILLSMITH_STATEMENT_MINUTES")
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


def require_address(url: str, setting: str) -> None:
    """Raise UsageError, without a part of it, where `url` is no address or its password is cut in two.

    What the driver says quotes the address, or takes the rest of a password with an @ for the name of a host.
    """
    try:
        host = str(conninfo.conninfo_to_dict(url).get("host") or "")
    except psycopg.ProgrammingError:
        raise UsageError(f"{setting} is not a postgresql:// address") from None
    if "@" in host:
        raise UsageError(f"{setting}: write an @ in the password as %40")


def open_connection(settings: Settings) -> Connection:
    """A connection in UTC that gives naive UTC timestamps and JSON as text; autocommit.

    No statement runs longer than the settings allow, none waits for a lock longer than _LOCK_SECONDS. Raises
    TransientError where the server cannot be reached, UsageError where the address is wrong.
    """
    if settings.warehouse_url is None:
        raise UsageError("set SKILLSMITH_WAREHOUSE_URL to postgresql://...")
    address = settings.warehouse_url.get_secret_value()
    require_address(address, "SKILLSMITH_WAREHOUSE_URL")
    with known_errors():
        connection = psycopg.Connection[dict[str, Any]].connect(
            address,
            autocommit=True,
            row_factory=dict_row,
            options=f"{_SESSION_OPTIONS} -c statement_timeout={settings.statement_minutes}min "
            f"-c lock_timeout={_LOCK_SECONDS}s",
            application_name="skillsmith-analytics",
            # The environment's PGCLIENTENCODING goes before the options.
            client_encoding="utf8",
            # Statements are sent once each, and a pooler in between could give one to another session.
            prepare_threshold=None,
            connect_timeout=_CONNECT_SECONDS,
        )
    connection.adapters.register_loader("timestamptz", _NaiveUtc)
    for kind in ("json", "jsonb"):
        connection.adapters.register_loader(kind, _Text)
    return connection


def _has_heard(connection: Connection) -> bool:
    """Whether a connection at rest was told something: a server does so only where it ends it."""
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    return bool(waiting.poll(0))


class _Pool:
    """Connections that readers have done with, kept for the next reader of the same address."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._idle: dict[str, list[tuple[Connection, float]]] = {}

    def take(self, address: str) -> Connection | None:
        """The connection that was used last, if it still lives."""
        while True:
            with self._lock:
                idle = self._idle.get(address)
                if not idle:
                    return None
                connection, since = idle.pop()
            try:
                if not _has_heard(connection):
                    # What was cut off without a word is found by asking.
                    if time.monotonic() - since > _TRUSTED_SECONDS:
                        run(connection, "select 1")
                    return connection
            except psycopg.Error:
                pass
            connection.close()

    def give(self, address: str, connection: Connection) -> None:
        """Keep a connection without anything that its user left in it, or close it."""
        try:
            if connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE:
                connection.isolation_level = connection.read_only = None
                run(connection, "discard all")
                with self._lock:
                    idle = self._idle.setdefault(address, [])
                    if len(idle) < _MOST_IDLE:
                        idle.append((connection, time.monotonic()))
                        return
        except psycopg.Error:
            pass
        connection.close()


_pool = _Pool()


@contextmanager
def borrowed_connection(settings: Settings) -> Iterator[Connection]:
    """A connection for one read, from the process's pool; it comes back as if it were new."""
    address = settings.warehouse_url.get_secret_value() if settings.warehouse_url else ""
    connection = _pool.take(address) or open_connection(settings)
    try:
        yield connection
    finally:
        _pool.give(address, connection)


def run(
    connection: Connection, statement: str, parameters: Sequence[Any] | None = None
) -> psycopg.Cursor[dict[str, Any]]:
    """Run a statement that this program composed; psycopg wants to be told that it is not a person's text."""
    return connection.execute(statement.encode(), parameters)


def columns_of(connection: Connection, qualified: str) -> dict[str, str]:
    """Columns of a table (`schema.table`, or quoted) in order, with their types; empty where there is no such table."""
    rows = run(
        connection,
        "select attname as name, format_type(atttypid, atttypmod) as type from pg_attribute "
        "where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum",
        [qualified],
    ).fetchall()
    return {row["name"]: row["type"].replace("timestamp with time zone", "timestamptz") for row in rows}


def make_schema(connection: Connection, name: str) -> None:
    """Create a schema that is not there; `if not exists` alone asks for the right even where it is."""
    if not run(connection, "select 1 from pg_namespace where nspname = %s", [name]).fetchone():
        run(connection, f"create schema {quoted(name)}")


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
        # Prepared means the extended protocol, which takes one statement and no more; without parameters psycopg would
        # choose the simple one, where a second statement runs too.
        connection.prepare_threshold, connection.prepared_max = sys.maxsize, 0
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
        from warehouse.postgres_merge import PostgresMerge

        self._connection = connection
        self._reading = reading
        self._in_transaction = False
        self._rows = PostgresMerge(connection, reading, is_citus=self.is_citus)

    @cached_property
    def is_citus(self) -> bool:
        """Whether the tables of this database may lie on several servers."""
        return run(self._connection, citus.HAS_CITUS).fetchone() is not None

    @property
    def reading(self) -> DuckDBReading:
        """The DuckDB session that parses files."""
        return self._reading

    def twin(self) -> "PostgresWriter":
        """A writer on the same connection whose rows are staged apart."""
        return PostgresWriter(self._connection, self._reading.twin())

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

    def merge(
        self, staged: str, into: TableSpec, *, counted_by: str | None = None, numbered_by: str | None = None
    ) -> MergeCounts:
        """Merge staged rows by key; the greater `version_by` wins, NULLs lowest."""
        with self._atomic():
            return self._rows.merge(staged, into, counted_by, numbered_by)

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
        with self._atomic():
            return self._rows.append(staged, table)

    def replace(self, table: TableSpec, rows: pa.Table) -> int:
        """Put exactly these rows in the table, creating it where it is not there; the number of rows."""
        name = quoted_table(table.qualified)
        with self._atomic():
            make_schema(self._connection, table.schema)
            wanted = {column.name: POSTGRES_TYPES[column.type] for column in table.columns}
            if columns_of(self._connection, name) != wanted:
                run(self._connection, f"drop table if exists {name} cascade")
                run(self._connection, f"create table {name} ({_columns(table)})")
            run(self._connection, f"delete from {name}")
            self._reading.register("_replacing", rows.select(list(table.column_names)))
            try:
                return self._rows.append("_replacing", table.qualified)
            finally:
                self._reading.unregister("_replacing")

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement with `?` placeholders; rows touched (-1 where unknown)."""
        with known_errors():
            cursor = run(self._connection, question_marks(statement), [_plain(value) for value in parameters])
        return cursor.rowcount

    def fetch(self, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Rows of one query with `?` placeholders. Timestamps are UTC without a zone, JSON is text."""
        with known_errors():
            return run(self._connection, question_marks(statement), [_plain(value) for value in parameters]).fetchall()


class PostgresWarehouse:
    """The warehouse in a PostgreSQL database, `settings.warehouse_url`; see `warehouse.Warehouse`."""

    engine: Literal["duckdb", "postgres"] = "postgres"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._session = threading.Lock()
        self._connection: Connection | None = None

    def initialise(self, tables: Iterable[TableSpec] = ()) -> None:
        """Bring schemas, operations tables and `tables` to this version, all or nothing; safe to repeat."""
        with self.write(None) as writer:
            if not writer.fetch("select getdatabaseencoding() = 'UTF8' as is_utf8")[0]["is_utf8"]:
                raise UsageError(
                    "the database's encoding is not UTF8, and cannot hold every name: make it anew with "
                    "create database ... encoding 'UTF8' template template0"
                )
            is_timescale = _has_timescale(writer)
            if is_timescale and writer.is_citus:
                raise UsageError(
                    "this database has TimescaleDB and Citus, which cannot share a table: drop one of the two"
                )
            with writer.transaction():
                for step in pending("postgres", _schema_version(writer), "the PostgreSQL warehouse"):
                    run(writer.connection, step.sql)
                    writer.execute("insert into ops.schema_version values (?, ?)", [step.version, datetime.now(UTC)])
                there = _There.read(writer, is_timescale)
                if writer.is_citus and "raw.days" not in there.placed:
                    for statement in citus.PREPARE:
                        writer.execute(statement)
                specs = list(tables)
                for table in specs:
                    _bring_up(writer, table, there)
                _bring_up_rollups(writer, {table.qualified for table in specs}, there)
                for table in specs:
                    if there.kept_days.get(table.qualified) is not None:
                        # Of an older version: rows went without a record, and before what is made from them was built.
                        writer.execute(timescale.no_retention(table))

    def held(self) -> AbstractContextManager[None]:
        """Nothing: connecting to a server costs milliseconds."""
        return nullcontext()

    @contextmanager
    def alone(self, wait_seconds: float) -> Iterator[None]:
        """No other run works in this database, whatever its home or machine; see `warehouse.Warehouse`."""
        busy = "another run is writing in the PostgreSQL warehouse, from another home"
        with open_connection(self.settings) as connection:
            try:
                with known_errors(), connection.transaction():
                    is_free = run(connection, "select pg_try_advisory_lock(%s) as is_free", [_RUN_LOCK]).fetchall()
                    if not is_free[0]["is_free"]:
                        if wait_seconds > _SILENT_SECONDS:
                            _log.warning("%s; waiting for it up to %.0f seconds", busy, wait_seconds)
                        # No time at all would be to wait for ever; and one may wait longer than a statement may work.
                        run(connection, f"set local lock_timeout = {max(1, int(wait_seconds * 1000))}")
                        run(connection, "set local statement_timeout = 0")
                        run(connection, "select pg_advisory_lock(%s)", [_RUN_LOCK])
            except TransientError as error:
                if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                    raise
                raise WarehouseBusyError(f"{busy}; wait until it ends, or stop it, and try again") from error
            yield

    def freshen(self) -> None:
        """Make the rollups hold what the imports since the last time brought, over exactly its range of time.

        TimescaleDB refuses it inside a transaction, so the ranges wait in ops.rollup_ranges; a killed run leaves them
        to the next one, and the rollups' own policies catch up in any case.
        """
        with self.write(None) as writer:
            if not _has_timescale(writer):
                writer.execute("delete from ops.rollup_ranges")
                return
            version = writer.fetch(timescale.VERSION)[0]["version"]
            ranges = writer.fetch(
                "select table_name, min(first_at) as first, max(last_at) as last from ops.rollup_ranges group by 1"
            )
            made = {row["name"] for row in writer.fetch(timescale.ROLLUPS)}
            for rollup in timescale.rollups():
                for row in ranges:
                    if row["table_name"] == rollup.raw_table and rollup.qualified in made:
                        _refresh(writer, timescale.refresh_rollup(rollup, row["first"], row["last"], version))
            writer.execute("delete from ops.rollup_ranges")

    def install(self, tables: Iterable[TableSpec] = ()) -> None:
        """Create TimescaleDB where the server offers it, bring the tables up, make the roles; safe to repeat.

        On Citus the one who runs a step is its user: a worker is asked by who the session is, and a role of ours
        cannot log in there.
        """
        from warehouse.postgres_access import REVOKE, may_set_viewer, prepare_roles
        from warehouse.postgres_roles import prepare

        with self.write(None) as writer:
            # Its settings are there where it is preloaded; the list of what is may be read by few.
            offered = writer.fetch(
                "select installed_version from pg_available_extensions where name = 'timescaledb' "
                "and current_setting('timescaledb.max_background_workers', true) is not null"
            )
            if offered and offered[0]["installed_version"] is None and not writer.is_citus:
                writer.execute("create extension if not exists timescaledb")
        self.initialise(tables)
        with self.write(None) as writer, known_errors():
            _give_rights(prepare_roles if writer.is_citus else prepare, writer.connection)
            if may_set_viewer(writer.connection):
                _log.warning("until a superuser has run it in this database, the dashboards refuse to read: %s", REVOKE)

    @contextmanager
    def write(self, step: Step | None = "build") -> Iterator[PostgresWriter]:
        """The one writing session; raises WarehouseBusyError where another session of any process keeps it."""
        from warehouse.postgres_roles import take

        busy = "another process is writing to the PostgreSQL warehouse; wait until that run ends and try again"
        if not self._session.acquire(blocking=False):
            raise WarehouseBusyError(busy)
        try:
            self._connection = open_connection(self.settings)
            try:
                with self._connection.transaction():
                    seconds = max(_WRITER_SECONDS, self.settings.wait_seconds)
                    run(self._connection, f"set local lock_timeout = '{seconds}s'")
                    # The lock is the session's: a killed writer frees it with its connection.
                    run(self._connection, "select pg_advisory_lock(%s)", [_WRITER_LOCK])
            except psycopg.errors.LockNotAvailable as error:
                raise WarehouseBusyError(busy) from error
            if step is not None:
                take(self._connection, step)
            reading = DuckDBReading(lambda: connect(None, self.settings), None)
            try:
                yield PostgresWriter(self._connection, reading)
            finally:
                reading.close()
                # A closed connection's lock stays until the server notices.
                if not self._connection.closed:
                    run(self._connection, "select pg_advisory_unlock_all()")
        finally:
            self.close()
            self._session.release()

    @property
    def dbt_target(self) -> str:
        """`citus` where the tables lie on several servers, else `postgres`."""
        with open_connection(self.settings) as connection, known_errors():
            return "citus" if run(connection, citus.HAS_CITUS).fetchone() else "postgres"

    def dbt_profile(self) -> dict[str, Any]:
        """The dbt output that builds in this database; the password is read from PASSWORD_VARIABLE."""
        # Where a session has come to: the address may name several hosts, or leave to the environment what is usual.
        with open_connection(self.settings) as connection:
            there = connection.info
            return {
                "type": "postgres",
                "host": there.host,
                "port": there.port,
                "user": there.user,
                "password": "{{ env_var('" + PASSWORD_VARIABLE + "', '') }}",
                "dbname": there.dbname,
                "schema": "staging",
                "threads": self.settings.threads,
                "sslmode": _given(self.settings).get("PGSSLMODE", "prefer"),
            }

    def dbt_environment(self) -> dict[str, str]:
        """The password, certificates, and UTC: a cast of a time to a date goes by the zone of the session."""
        # Sorts and hashes of a build are large, and each thread runs one statement with a few of them.
        number, unit = int(self.settings.memory_limit[:-2]), self.settings.memory_limit[-2:]
        megabytes = max(4, number * (1000 if unit == "GB" else 1) // (4 * self.settings.threads))
        options = f"{_SESSION_OPTIONS} -c work_mem={megabytes}MB"
        options += f" -c statement_timeout={self.settings.statement_minutes}min -c lock_timeout={_BUILD_LOCK_SECONDS}s"
        from warehouse.postgres_roles import BUILDER_ROLE, may_be

        with open_connection(self.settings) as connection:
            options += f" -c role={BUILDER_ROLE}" if may_be(connection, BUILDER_ROLE, "build") else ""
            # The address need not say it: the environment or a file of passwords may.
            password = connection.info.password
        options += citus.BUILD_OPTIONS if self.dbt_target == "citus" else ""
        return {
            **{name: value for name, value in _given(self.settings).items() if name.startswith(_SECURITY)},
            PASSWORD_VARIABLE: password,
            "PGOPTIONS": options,
            _ENCODING_VARIABLE: "UTF8",
        }

    def health(self) -> dict[str, Any]:
        """Workers, chunks, compression, policies, bloat, as the server's own views have them; reads beside a writer."""
        with open_connection(self.settings) as connection, known_errors():
            version = run(connection, "select extversion from pg_extension where extname = 'timescaledb'").fetchone()
            is_citus = run(connection, citus.HAS_CITUS).fetchone() is not None
            found: dict[str, Any] = {
                "citus_workers": run(connection, citus.WORKERS).fetchall() if is_citus else [],
                "timescaledb": version["extversion"] if version else None,
                "chunks": [],
                "jobs": [],
                "bloat": [],
                "is_locked": False,
            }
            if version:
                found["jobs"] = run(connection, timescale.JOBS).fetchall()
                found["chunks"] = run(connection, timescale.CHUNKS).fetchall()
            # The size of a table that somebody makes anew is told when that is over; a monitor does not wait for it.
            run(connection, f"set lock_timeout = '{_HEALTH_LOCK_SECONDS}s'")
            try:
                bloat = timescale.BLOAT_WITH_CHUNKS if version else timescale.BLOAT
                found["bloat"] = run(connection, bloat).fetchall()
            except psycopg.errors.LockNotAvailable:
                found["is_locked"] = True
            return found

    def close(self) -> None:
        """Close the connection; the next session opens anew."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()


def _given(settings: Settings) -> dict[str, str]:
    """What the warehouse's address says, by the environment variables that say the same."""
    url = settings.warehouse_url.get_secret_value() if settings.warehouse_url else ""
    options = psycopg.pq.Conninfo.parse(url.encode())
    return {each.envvar.decode(): each.val.decode() for each in options if each.envvar and each.val}


def _plain(value: object) -> object:
    if isinstance(value, dict | list | tuple):
        return json.dumps(value)
    return value


def _columns(table: TableSpec) -> str:
    return ", ".join(
        f"{quoted(column.name)} {POSTGRES_TYPES[column.type]}{' not null' if column.name in table.key else ''}"
        for column in table.columns
    )


def _schema_version(writer: PostgresWriter) -> int:
    if writer.fetch("select to_regclass('ops.schema_version') as there")[0]["there"] is None:
        return 0
    return writer.fetch("select coalesce(max(version), 0) as version from ops.schema_version")[0]["version"]


@dataclass(frozen=True, slots=True)
class _There:
    """What the catalogue has, asked once for all tables: columns (and which may not be NULL), indexes, hypertables."""

    columns: Mapping[str, Mapping[str, bool]]
    indexes: Mapping[str, str]
    rollups: frozenset[str]
    rollups_in_rows: frozenset[str]
    placed: frozenset[str]
    is_timescale: bool
    is_citus: bool
    kept_days: Mapping[str, int | None]
    layouts: Mapping[str, tuple[str, str]]

    @classmethod
    def read(cls, writer: PostgresWriter, is_timescale: bool) -> "_There":
        columns: dict[str, dict[str, bool]] = {}
        for row in writer.fetch(
            "select n.nspname || '.' || c.relname as name, a.attname as column_name, a.attnotnull as is_required "
            "from pg_attribute as a join pg_class as c on a.attrelid = c.oid "
            "join pg_namespace as n on c.relnamespace = n.oid "
            "where c.relkind in ('r', 'p') and a.attnum > 0 and not a.attisdropped "
            "and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname not like '\\_timescaledb%'"
        ):
            columns.setdefault(row["name"], {})[row["column_name"]] = row["is_required"]
        indexes = {
            row["name"]: row["definition"]
            for row in writer.fetch(
                "select schemaname || '.' || indexname as name, indexdef as definition from pg_indexes "
                "where schemaname not like '\\_timescaledb%' and schemaname <> 'pg_catalog'"
            )
        }
        hypertables = writer.fetch(timescale.HYPERTABLES) if is_timescale else []
        return cls(
            columns=columns,
            indexes=indexes,
            rollups=frozenset(row["name"] for row in writer.fetch(timescale.ROLLUPS)),
            rollups_in_rows=frozenset(
                row["name"] for row in (writer.fetch(timescale.ROLLUPS_IN_ROWS) if is_timescale else [])
            ),
            placed=frozenset(row["name"] for row in writer.fetch(citus.PLACED)) if writer.is_citus else frozenset(),
            is_timescale=is_timescale,
            is_citus=writer.is_citus,
            kept_days={row["name"]: row["keep"].days if row["keep"] else None for row in hypertables},
            layouts={
                row["name"]: (row["segment_by"], row["order_by"])
                for row in (writer.fetch(timescale.LAYOUTS) if is_timescale else [])
            },
        )


def _bring_up(writer: PostgresWriter, table: TableSpec, there: _There) -> None:
    """Create a table with its key, or add what it lacks; where nothing is lacking, nothing is asked of the server."""
    name, columns = quoted_table(table.qualified), there.columns.get(table.qualified)
    if columns is None:
        writer.execute(f"create schema if not exists {quoted(table.schema)}")
        writer.execute(f"create table {name} ({_columns(table)})")
        if there.is_citus:
            writer.execute(citus.place(table))
    elif there.is_citus and table.qualified not in there.placed:
        raise UsageError(
            f"{table.qualified} was made before Citus was there: import into an empty database (docs/scaling.md)"
        )
    else:
        for column in table.columns:
            if column.name not in columns:
                writer.execute(f"alter table {name} add column {quoted(column.name)} {POSTGRES_TYPES[column.type]}")
            elif column.name in table.key and not columns[column.name]:
                writer.execute(f"alter table {name} alter column {quoted(column.name)} set not null")
    if table.timeline:
        wanted = timescale.layout_of(table.timeline)
        if there.layouts.get(table.qualified, wanted) != wanted:
            writer.execute(timescale.lay_out_anew(table.qualified, table.timeline))
    if not table.key:
        return
    is_chunked = there.is_timescale and table.timeline is not None
    index = f"{table.name[:50]}_key"
    if is_chunked and table.qualified not in there.kept_days and f"{table.schema}.{index}" in there.indexes:
        # A plain table of an older version: its unique index gives way to one that fits the chunks.
        writer.execute(f"drop index {quoted_table(f'{table.schema}.{index}')}")
    if is_chunked and table.qualified not in there.kept_days:
        for statement in timescale.make_hypertable(table):
            writer.execute(statement)
    elif f"{table.schema}.{index}" in there.indexes:
        return
    names = citus.key_of(table) if there.is_citus else timescale.key_of(table, is_chunked)
    writer.execute(f"create unique index {quoted(index)} on {name} ({column_list(names)})")
    if table.timeline and not is_chunked and table.key[0] != table.timeline.column:
        by_time = quoted(f"{table.name[:50]}_time")
        writer.execute(f"create index {by_time} on {name} ({quoted(table.timeline.column)})")


def _bring_up_rollups(writer: PostgresWriter, tables: set[str], there: _There) -> None:
    """Create the rollups whose raw tables are there, and let the old chunks of those that are there become columns."""
    for rollup in timescale.rollups():
        if rollup.qualified not in there.rollups and rollup.raw_table in tables:
            writer.execute("create schema if not exists rollups")
            for statement in timescale.make_rollup(rollup, there.is_timescale):
                writer.execute(statement)
        elif rollup.qualified in there.rollups_in_rows:
            for statement in timescale.rollup_columnstore(rollup):
                writer.execute(statement)


def _refresh(writer: PostgresWriter, call: str) -> None:
    """Refresh one rollup; where its own policy is at it just now, wait for that and then look again."""
    for left in reversed(range(_POLICY_TRIES)):
        try:
            writer.execute(call)
            return
        except StorageError as error:
            if not isinstance(error.__cause__, RightLackingError):
                raise
            # Only their owner may refresh them; for a mere importer their policies do it.
            return
        except TransientError as error:
            if not isinstance(error.__cause__, psycopg.errors.LockNotAvailable):
                raise
            if not left:
                raise TransientError("a rollup is being refreshed by its policy; run the import again") from error
            time.sleep(1)


def _give_rights(prepare: Callable[[Connection], None], connection: Connection) -> None:
    """Bring roles and rights up; where a policy changes one of the tables just then, look again.

    In a database that was restored all policies run at once, and PostgreSQL lets nobody wait for such a change.
    """
    for left in reversed(range(_POLICY_TRIES)):
        try:
            prepare(connection)
            return
        except psycopg.errors.InternalError as error:
            # Its words are of the server's language; the place that they come from is not.
            if not left or error.diag.source_function not in _CONCURRENT:
                raise
            time.sleep(1)


def _has_timescale(writer: PostgresWriter) -> bool:
    if writer.fetch("select 1 from pg_extension where extname = 'timescaledb'"):
        return True
    if not writer.is_citus and not _warned_without_timescale.is_set():
        _warned_without_timescale.set()
        _log.warning("TimescaleDB is not installed in this database; plain tables are used (docs/operations.md)")
    return False
