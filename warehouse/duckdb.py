"""The embedded engine: one DuckDB file that one process at a time writes to.

The file is open exactly as long as a writing session, so dbt can open it in between, in this process or
another. Nothing that is published is read from here: see `warehouse.publish` and `warehouse.access`. Every
other module that needs DuckDB gets it from this one, so that the driver is known in one place.
"""

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa

from warehouse import MergeCounts, Step
from warehouse.access import Snapshot
from warehouse.duckdb_digests import KeyDigests
from warehouse.duckdb_mending import MendingError, mend_after_kill, open_mark
from warehouse.errors import (
    AccessError,
    MemoryShortError,
    ReadingError,
    SkillsmithError,
    StorageError,
    UsageError,
    WarehouseBusyError,
    WarehouseNewerError,
)
from warehouse.migrations import pending
from warehouse.results import plain_numbers
from warehouse.settings import Settings
from warehouse.statements import column_list, is_newer, quoted, quoted_table, same_key
from warehouse.tables import DUCKDB_TYPES, ColumnSpec, TableSpec

Connection = duckdb.DuckDBPyConnection
_log = logging.getLogger(__name__)
# DuckDB draws one into the output of a program that is no file, such as `python -c`; every connection is asked anew.
_NO_BAR = "set enable_progress_bar = false"
_IN_ORDER = "set preserve_insertion_order = true"
_IN_ANY_ORDER = "set preserve_insertion_order = false"
_STORAGE = "v1.2.0"
_WITHOUT_ZSTD = "v1.0.0+"
QUERY_SECONDS = 60
"""How long one read of a page or of `query` may take."""

# DuckDB reports what the operating system said inside its own text; there is no error number to ask for.
_FULL_MESSAGES = (
    "no space left",
    "could not write",
    "file too large",
    "disk quota",
    "failed to write",
    "max_temp_directory_size",
)
# Said of our own file these are about the disk; said of a delivered file they are that file's matter.
_DENIED_MESSAGES = ("permission denied", "read-only file system", "cannot open file")
_UNREADABLE = (
    duckdb.IOException,
    duckdb.InvalidInputException,
    duckdb.ConversionException,
    # What it says of a file that is written while it is read.
    duckdb.NotImplementedException,
)
_DAMAGED_MESSAGES = ("corrupt database file", "not a valid duckdb database file")
_NEWER_MESSAGES = ("newer version", "was created with a newer", "trying to read a database file with version")


def as_known_error(error: duckdb.Error, path: Path | None) -> SkillsmithError | None:
    """The error a person can act on behind a DuckDB error, or None where it is not one of those."""
    text = str(error).lower()
    place = path or "the temporary folder"
    if "could not set lock" in text or "conflicting lock" in text:
        return WarehouseBusyError(
            f"{place} is in use by another process; wait until that run ends, or stop it, and try again"
        )
    if any(message in text for message in _NEWER_MESSAGES):
        return WarehouseNewerError(f"{place} was written by a newer DuckDB; install the version that wrote it")
    if path is not None and any(message in text for message in _DAMAGED_MESSAGES):
        return StorageError(
            f"{path} is damaged ({str(error).splitlines()[0]}); restore it from a backup, or move it aside and import "
            "again (docs/operations.md, Backup and restore)"
        )
    if path is not None and path.is_dir():
        return StorageError(f"{path} is a folder, and the warehouse is a file; move it away")
    is_denied = any(message in text for message in _DENIED_MESSAGES) and path is not None and str(path).lower() in text
    if is_denied or any(message in text for message in _FULL_MESSAGES):
        reason = str(error).splitlines()[0]
        return StorageError(f"cannot write {place}: {reason}; free some space or check its permissions, and try again")
    if isinstance(error, duckdb.OutOfMemoryException):
        return MemoryShortError("SKILLSMITH_MEMORY_LIMIT is too small for this; raise it, and try again")
    return None


@contextmanager
def known_errors(path: Path | None) -> Iterator[None]:
    """Turn what DuckDB says about locks, disks and versions into the product's own errors."""
    try:
        yield
    except duckdb.Error as error:
        known = as_known_error(error, path)
        if known is None:
            raise
        raise known from error


def connect(path: Path | None, settings: Settings, *, read_only: bool = False) -> Connection:
    """Open a DuckDB file (None: in memory) with the installation's limits and UTC.

    Raises StorageError, WarehouseBusyError or WarehouseNewerError where the file cannot be had.
    """
    try:
        if not read_only:
            settings.home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot write {settings.home}: {error.strerror}; check SKILLSMITH_HOME") from error
    config = _config(settings)
    with known_errors(path):
        # In memory there is no file to protect, and DuckDB refuses read_only there.
        read_only = read_only and path is not None
        connection = duckdb.connect(str(path) if path else ":memory:", read_only=read_only, config=config)
        # Once for this connection, once for the cursors that come from it.
        connection.execute("set TimeZone = 'UTC'")
        connection.execute("set global TimeZone = 'UTC'")
        # A local variable of ours must never answer to a table's name.
        connection.execute("set python_enable_replacements = false")
        connection.execute(_NO_BAR)
    return connection


_uses: Counter[Path] = Counter()
_unseen: set[Path] = set()
"""Files that a writer may have left damaged and that could not be looked at; they keep their mark."""
_using = threading.Lock()


@contextmanager
def _opened(path: Path, settings: Settings) -> Iterator[Connection]:
    """A connection that writes to a file, which bears a mark until the last one of this process is closed properly."""
    file = path.resolve()
    with _using:
        unseen = None if _uses[file] else _mend(file)
        connection = connect(path, settings)
        if unseen:
            _log.warning("%s was not closed properly, and not looked at for a half written block: %s", file, unseen)
        # Where even an empty file cannot be made, the file's own writes will say why.
        with suppress(OSError):
            open_mark(file).touch()
        _uses[file] += 1
    try:
        yield connection
    finally:
        with _using, known_errors(path):
            _uses[file] -= 1
            # Twice is as good as once; a process that dies in its checkpoint leaves the mark.
            connection.close()
            if not _uses[file] and file not in _unseen:
                with suppress(OSError):
                    open_mark(file).unlink(missing_ok=True)


def _mend(file: Path) -> str | None:
    """Mend what a dead writer left; why it could not be looked at, which is no news where somebody else has it open."""
    _unseen.discard(file)
    try:
        mended = mend_after_kill(file)
    except MendingError as error:
        _unseen.add(file)
        return str(error)
    if mended:
        block, before, now = mended
        _log.warning(
            "%s: block %d was half written when a process was stopped; its pages in use are the same before and after "
            "that write, so its checksum was mended: %d now instead of %d",
            file,
            block,
            now,
            before,
        )
    return None


def _config(settings: Settings) -> dict[str, Any]:
    """How a file is opened. The same for every connection of a process: DuckDB refuses two ways at once."""
    return {
        "memory_limit": settings.memory_limit,
        "threads": settings.threads,
        # Of a file that is made now; one that is there keeps its own.
        "storage_compatibility_version": _STORAGE,
        "temp_directory": str(settings.home / "tmp"),
        # What comes from the network is ingest's to fetch; the engine never downloads code or data.
        "autoinstall_known_extensions": False,
    }


def current_database(connection: Connection) -> str:
    """The name under which a connection has the file that it was opened on."""
    row = connection.execute("select current_database()").fetchone()
    return str(row[0]) if row else "memory"


def columns_by_table(connection: Connection, database: str) -> dict[str, dict[str, str]]:
    """Of every `schema.table` in an attached database its columns, in order, with their types."""
    found: dict[str, dict[str, str]] = {}
    for table, column, kind in connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = ? and not internal order by schema_name, table_name, column_index",
        [database],
    ).fetchall():
        found.setdefault(table, {})[column] = kind
    return found


def snapshot_row(connection: Connection, database: str) -> Snapshot:
    """The `metrics.snapshot` row of an attached snapshot file."""
    row = connection.execute(
        "select snapshot_id, published_at, as_of, data_until, engine, checks_passed, checks_warned "
        f"from {quoted(database)}.metrics.snapshot"
    ).fetchone()
    if row is None:
        raise RuntimeError("a snapshot file without its snapshot row")
    return Snapshot(*row)


def read_one_select(session: Connection, sql: str, parameters: Mapping[str, Any]) -> pa.Table:
    """Run exactly one SELECT with values bound as `$name`; parameters that it does not name are left out.

    Raises AccessError for anything that is not one SELECT over what the session holds, UsageError where the SELECT
    itself is wrong, SkillsmithError where it takes longer than QUERY_SECONDS.
    """
    try:
        statements = session.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise AccessError("exactly one SELECT statement is read here")
        names = statements[0].named_parameters
        missing = names - set(parameters)
        if missing:
            raise UsageError(f"no value for ${min(missing)}")
        timer = threading.Timer(QUERY_SECONDS, session.interrupt)
        timer.start()
        try:
            result = session.execute(statements[0], {name: parameters[name] for name in names})
            return plain_numbers(result.to_arrow_table())
        finally:
            timer.cancel()
    except (duckdb.ParserException, duckdb.CatalogException, duckdb.PermissionException) as error:
        raise AccessError(str(error).splitlines()[0]) from error
    except duckdb.InterruptException as error:
        raise SkillsmithError(f"the query took longer than {QUERY_SECONDS} s; narrow it and try again") from error
    except duckdb.Error as error:
        raise UsageError(str(error).splitlines()[0]) from error


class DuckDBReading:
    """The session that parses files, opened when it is first asked. On DuckDB it is the warehouse's own connection."""

    def __init__(self, opened: Callable[[], Connection], path: Path | None) -> None:
        self._open = opened
        self._opened: Connection | None = None
        self._path = path

    @property
    def _connection(self) -> Connection:
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def close(self) -> None:
        """Close the session, if there ever was one."""
        if self._opened is not None:
            self._opened.close()

    def sql(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> pa.Table:
        """Run one statement; its rows as Arrow (no rows: an empty table).

        Raises ReadingError where a file or a value in it cannot be read as the statement says.
        """
        with self._reading_errors():
            result = self._connection.execute(statement, parameters)
            if result.description is None:
                return pa.table({})
            return result.to_arrow_table()

    def batches(self, statement: str, rows: int) -> pa.RecordBatchReader:
        """The rows of one query as a stream of batches of about so many; the next statement of the session ends it."""
        with self._reading_errors():
            return self._connection.execute(statement).to_arrow_reader(rows)

    @contextmanager
    def _reading_errors(self) -> Iterator[None]:
        try:
            with known_errors(self._path):
                yield
        except duckdb.Error as error:
            # A damaged page of Parquet is an error of no particular class.
            if type(error) is not duckdb.Error and not isinstance(error, _UNREADABLE):
                raise
            raise ReadingError(str(error).splitlines()[0]) from error

    def twin(self) -> "DuckDBReading":
        """Another session of the same engine, within the same limits."""
        cursor = self._connection.cursor()
        cursor.execute(_NO_BAR)
        return DuckDBReading(lambda: cursor, self._path)

    def register(self, name: str, rows: pa.Table | pa.RecordBatchReader) -> None:
        """Make Arrow rows readable under `name` for this session; a stream of them once."""
        self._connection.register(name, rows)

    def unregister(self, name: str) -> None:
        """Forget what `register` made readable."""
        self._connection.unregister(name)


class DuckDBWriter:
    """The one writing session of a DuckDB warehouse; see `warehouse.Writer`."""

    def __init__(self, connection: Connection, path: Path) -> None:
        self._connection = connection
        self._path = path
        self._reading = DuckDBReading(lambda: connection, path)
        self._in_transaction = False
        # Of the table merged into last: batches come table by table, and several tables' would be too much to keep.
        self._digests: KeyDigests | None = None

    @property
    def reading(self) -> DuckDBReading:
        """The session that parses files."""
        return self._reading

    def twin(self) -> None:
        """None: what is staged lands by the connection that staged it."""
        return

    @property
    def connection(self) -> Connection:
        """The connection itself, for publishing."""
        return self._connection

    @property
    def has_zstd(self) -> bool:
        """Whether the file is of a version that knows zstd. One made before we asked for that keeps its version."""
        [row] = self.fetch(
            "select tags['storage_version'] as version from duckdb_databases() where database_name = current_database()"
        )
        return row["version"] != _WITHOUT_ZSTD

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit at the end, roll everything back on any error. Does not nest."""
        if self._in_transaction:
            raise RuntimeError("a transaction is already open")
        with known_errors(self._path):
            self._connection.execute("begin")
            self._in_transaction = True
            try:
                yield
                self._connection.execute("commit")
            except BaseException:
                self._roll_back()
                raise
            finally:
                self._in_transaction = False

    def _roll_back(self) -> None:
        # After a fatal error (a full disk at commit) the engine has rolled back by itself and refuses to be told.
        try:
            self._connection.execute("rollback")
            self._connection.execute(_IN_ORDER)
        except (duckdb.TransactionException, duckdb.FatalException):
            return

    @contextmanager
    def _atomic(self) -> Iterator[None]:
        if self._in_transaction:
            yield
        else:
            with self.transaction():
                yield

    @contextmanager
    def _in_any_order(self) -> Iterator[None]:
        """Many rows are written by both cores without putting what each wrote back in order, a seventh of the work.

        Of a transaction that fails there is no more to be said but to roll it back, and that restores the order: it is
        by their order that rows are told which line of a file they are.
        """
        self._connection.execute(_IN_ANY_ORDER)
        yield
        self._connection.execute(_IN_ORDER)

    def merge(
        self,
        staged: str,
        into: TableSpec,
        *,
        counted_by: str | None = None,
        numbered_by: str | None = None,  # noqa: ARG002 - rows that stay in the engine need no numbers
    ) -> MergeCounts:
        """Merge staged rows by key; the greater `version_by` wins, NULLs lowest.

        One pass over the table's key columns finds what it has of the staged keys; mostly nothing, and then the rows
        go straight in.
        """
        names = column_list(into.column_names)
        target = quoted_table(into.qualified)
        with known_errors(self._path), self._atomic():
            found = column_list(dict.fromkeys(into.key + into.version_by), "t")
            self._connection.execute(
                f"create or replace temp table _merge_known as select t.rowid as _row, {found} from {target} as t "
                f"{self._that_may_be_known(staged, into)}"
            )
            if not self._scalar("select count(*) from _merge_known"):
                with self._in_any_order():
                    inserted = self.execute(f"insert into {target} ({names}) select {names} from {staged}")
                self._connection.execute("drop table _merge_known")
                return MergeCounts(inserted=inserted, updated=0, unchanged=0)
            known = self._known(staged, into, counted_by) if counted_by else {}
            count = self._scalar(f"select count(*) from {staged}")
            # Of staged rows, not of the table's: a table that has a key twice loses two rows to one.
            keys = self._scalar(f"select count(*) from (select distinct {column_list(into.key)} from _merge_known)")
            self._connection.execute(
                f"create or replace temp table _merge_kept as select t._row, {column_list(into.key, 't')} "
                f"from _merge_known as t join {staged} as s on {same_key(into.key, 's', 't')} "
                f"where not {is_newer(into.version_by, 's', 't')}"
            )
            # By its place a row is found at once, by its key in a pass over the table.
            self._connection.execute(
                f"delete from {target} where rowid in "
                "(select _row from _merge_known where _row not in (select _row from _merge_kept))"
            )
            changed = self.execute(
                f"insert into {target} ({names}) select {column_list(into.column_names, 's')} from {staged} as s "
                f"anti join _merge_kept as k on {same_key(into.key, 's', 'k')}"
            )
            self._connection.execute("drop table _merge_known")
            self._connection.execute("drop table _merge_kept")
        inserted = count - keys
        return MergeCounts(inserted=inserted, updated=changed - inserted, unchanged=count - changed, known=known)

    def _that_may_be_known(self, staged: str, into: TableSpec) -> str:
        """What leaves of the table's rows, `t`, those with the key of a staged one."""
        if self._digests is None or self._digests.table.qualified != into.qualified:
            if self._digests:
                self._digests.forget()
            self._digests = KeyDigests(self._reading.sql, into)
        if not self._digests.may_have(staged):
            return "where false"
        # Not EXISTS: of a view with a condition the engine makes groups of all the table's keys for it.
        return f"semi join {staged} as s on {same_key(into.key, 's', 't')}"

    def _known(self, staged: str, into: TableSpec, counted_by: str) -> dict[str, int]:
        """Staged rows whose key the table has, by the value of one of their columns."""
        rows = self._connection.execute(
            f"select s.{quoted(counted_by)}, count(*) from {staged} as s "
            f"semi join _merge_known as t on {same_key(into.key, 's', 't')} group by all"
        ).fetchall()
        return dict(rows)

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert a few rows of values; a dict or list becomes JSON text."""
        if not rows:
            return
        staged = rows_as_arrow(rows)
        names = column_list(staged.column_names)
        with known_errors(self._path), self._registered("_append_rows", staged):
            self._connection.execute(f"insert into {quoted_table(table)} ({names}) select {names} from _append_rows")

    def append_staged(self, staged: str, table: str) -> int:
        """Insert every staged row, columns matched by name; the number inserted."""
        return self.execute(f"insert into {quoted_table(table)} by name select * from {staged}")

    def replace(self, table: TableSpec, rows: pa.Table) -> int:
        """Put exactly these rows in the table, creating it where it is not there; the number of rows."""
        names = column_list(table.column_names)
        with known_errors(self._path), self._atomic(), self._registered("_replace_rows", rows):
            columns = _columns(table, self.has_zstd)
            self._connection.execute(f"create or replace table {quoted_table(table.qualified)} ({columns})")
            self._connection.execute(
                f"insert into {quoted_table(table.qualified)} ({names}) select {names} from _replace_rows"
            )
        return rows.num_rows

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement with `?` placeholders; rows touched (-1 where unknown)."""
        with known_errors(self._path):
            result = self._connection.execute(statement, list(parameters) or None)
            if result.description and [column[0] for column in result.description] == ["Count"]:
                row = result.fetchone()
                return -1 if row is None else int(row[0])
        return -1

    def fetch(self, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Rows of one query with `?` placeholders. Timestamps are UTC without a zone, JSON is text."""
        with known_errors(self._path):
            result = self._connection.execute(statement, list(parameters) or None)
            names = [column[0] for column in result.description or ()]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def _scalar(self, statement: str) -> int:
        row = self._connection.execute(statement).fetchone()
        return int(row[0]) if row else 0

    @contextmanager
    def _registered(self, name: str, rows: pa.Table) -> Iterator[None]:
        self._connection.register(name, rows)
        try:
            yield
        finally:
            self._connection.unregister(name)


class DuckDBWarehouse:
    """The warehouse in one file, `settings.warehouse_file`; see `warehouse.Warehouse`."""

    engine: Literal["duckdb", "postgres"] = "duckdb"

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._session = threading.Lock()
        self._connection: Connection | None = None

    def initialise(self, tables: Iterable[TableSpec] = ()) -> None:
        """Bring schemas, operations tables and `tables` to this version, all or nothing; safe to repeat."""
        with self.write() as writer, writer.transaction():
            version = _schema_version(writer)
            for step in pending("duckdb", version, str(self.settings.warehouse_file)):
                writer.connection.execute(step.sql)
                writer.execute(
                    "insert into ops.schema_version values (?, ?)",
                    [step.version, datetime.now(UTC).replace(tzinfo=None)],
                )
            there = _columns_there(writer)
            for table in tables:
                _bring_up(writer, table, there.get(table.qualified, set()))

    def install(self, tables: Iterable[TableSpec] = ()) -> None:
        """The same as `initialise`: a file has neither extensions nor roles."""
        self.initialise(tables)

    @contextmanager
    def write(self, step: Step | None = "build") -> Iterator[DuckDBWriter]:  # noqa: ARG002 - a file has no roles
        """The one writing session; raises WarehouseBusyError where another process or thread has it."""
        path = self.settings.warehouse_file
        if not self._session.acquire(blocking=False):
            raise WarehouseBusyError(f"{path} already has a writing session in this process; end it first")
        try:
            with _opened(path, self.settings) as self._connection:
                try:
                    yield DuckDBWriter(self._connection, path)
                finally:
                    self.close()
        finally:
            self._session.release()

    @contextmanager
    def held(self) -> Iterator[None]:
        """The file stays open between the sessions, and dbt's: each would read its catalogue and checkpoint it anew."""
        with _opened(self.settings.warehouse_file, self.settings):
            yield

    def alone(self, wait_seconds: float) -> AbstractContextManager[None]:  # noqa: ARG002 - a home has one file
        """Nothing: the file is the home's, and so is the lock of its runs."""
        return nullcontext()

    def freshen(self) -> None:
        """Nothing: a scan of columns is fast enough without rollups."""

    def health(self) -> dict[str, Any]:
        """Nothing: one file has no policies."""
        return {}

    @property
    def dbt_target(self) -> str:
        """The name of dbt's output."""
        return self.engine

    def dbt_profile(self) -> dict[str, Any]:
        """The dbt output that builds in the writer file."""
        return {
            "type": "duckdb",
            "path": str(self.settings.warehouse_file),
            # Python's part of a model waits for its turn while the engine is busy with others.
            "threads": self.settings.threads + 2,
            "schema": "staging",
            "config_options": _config(self.settings),
            # Set anew for each model and test, so only what DuckDB does not take when it opens the file.
            "settings": {"TimeZone": "UTC"},
        }

    def dbt_environment(self) -> dict[str, str]:
        """Nothing: the profile says it all."""
        return {}

    def close(self) -> None:
        """Close the file; the next session opens it anew."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with known_errors(self.settings.warehouse_file):
                connection.close()


def rows_as_arrow(rows: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Rows of Python values as Arrow: the union of their columns, dicts and lists as JSON text."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = {name: pa.array([_plain(row.get(name)) for row in rows]) for name in names}
    return pa.table(columns)


def _plain(value: object) -> object:
    return json.dumps(value) if isinstance(value, dict | list | tuple) else value


def _columns(table: TableSpec, has_zstd: bool) -> str:
    return ", ".join(
        f"{quoted(column.name)} {DUCKDB_TYPES[column.type]}{_compression(table, column, has_zstd)}"
        for column in table.columns
    )


def _compression(table: TableSpec, column: ColumnSpec, has_zstd: bool) -> str:
    """How a text is compressed, where it is known what the engine would choose after trying all that it has.

    The trying is an eighth of the time that writing raw rows takes, and of JSON its choice is twice as large as zstd.
    What does not fit the way told is kept as it is.
    """
    if column.type == "text" and column.has_few_values:
        return " using compression dictionary"
    if column.type == "json":
        return f" using compression {'zstd' if has_zstd else 'fsst'}"
    return " using compression fsst" if column.type == "text" and column.name in table.key else ""


def _schema_version(writer: DuckDBWriter) -> int:
    there = writer.fetch(
        "select 1 from information_schema.tables where table_schema = 'ops' and table_name = 'schema_version'"
    )
    if not there:
        return 0
    return writer.fetch("select coalesce(max(version), 0) as version from ops.schema_version")[0]["version"]


def _columns_there(writer: DuckDBWriter) -> dict[str, set[str]]:
    """The columns of every table that is there, by `schema.table`; asked once, since most runs add nothing."""
    there: dict[str, set[str]] = {}
    for row in writer.fetch("select schema_name, table_name, column_name from duckdb_columns() where not internal"):
        there.setdefault(f"{row['schema_name']}.{row['table_name']}", set()).add(row["column_name"])
    return there


def _bring_up(writer: DuckDBWriter, table: TableSpec, there: set[str]) -> None:
    if not there:
        writer.execute(f"create schema if not exists {quoted(table.schema)}")
        columns = _columns(table, writer.has_zstd)
        writer.execute(f"create table if not exists {quoted_table(table.qualified)} ({columns})")
        return
    for column in table.columns:
        if column.name not in there:
            writer.execute(
                f"alter table {quoted_table(table.qualified)} "
                f"add column {quoted(column.name)} {DUCKDB_TYPES[column.type]}"
            )
