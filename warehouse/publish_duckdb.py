"""Publishing on DuckDB: two new files beside the old ones, then one replaced pointer.

Files are written under a hidden name, checkpointed, synced, renamed, and only then named by the pointer. A kill
at any moment leaves the old pointer or the new one; `warehouse.snapshots.sweep` removes the rest at the next publish.
"""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import astuple
from pathlib import Path

from warehouse import Writer, snapshots
from warehouse.access import Attempt, Snapshot
from warehouse.causes import Causes
from warehouse.duckdb import Connection, DuckDBWriter, columns_by_table, current_database, known_errors, snapshot_row
from warehouse.publish import Publication
from warehouse.published import PEOPLE, PUBLISHED, PublishedTable
from warehouse.restatements import COLUMNS, KEPT, as_rows, restated_values
from warehouse.settings import Settings
from warehouse.snapshots import Pointer
from warehouse.statements import column_list, quoted
from warehouse.tables import DUCKDB_TYPES

_SNAPSHOT_COLUMNS = (
    "snapshot_id varchar, published_at timestamp, as_of timestamp, data_until date, engine varchar, "
    "checks_passed bigint, checks_warned bigint"
)


@contextmanager
def attached(connection: Connection, path: Path, name: str, *, read_only: bool) -> Iterator[None]:
    """A database file attached under `name` as long as the block runs."""
    option = " (read_only)" if read_only else ""
    escaped = str(path).replace("'", "''")
    with known_errors(path):
        connection.execute(f"attach '{escaped}' as {quoted(name)}{option}")
        try:
            yield
        finally:
            connection.execute(f"detach {quoted(name)}")


class SnapshotPublisher:
    """Publishes from the writer's file into `settings.published_folder`; see `warehouse.publish.Publisher`."""

    def __init__(self, settings: Settings, writer: Writer) -> None:
        if not isinstance(writer, DuckDBWriter):
            raise TypeError("a DuckDB snapshot is published from a DuckDB writer")
        self._settings = settings
        self._connection = writer.connection
        self._database = current_database(writer.connection)
        self._folder = settings.published_folder
        with snapshots.storage_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)

    def current(self) -> Snapshot | None:
        """The snapshot that the pointer names, or None."""
        pointer = snapshots.read_pointer(self._folder)
        if pointer is None:
            return None
        path = snapshots.metrics_file(self._folder, pointer.snapshot_id)
        with attached(self._connection, path, "old_metrics", read_only=True):
            return snapshot_row(self._connection, "old_metrics")

    def record(self, attempt: Attempt) -> None:
        """Write the attempt where readers see it."""
        with snapshots.storage_errors(self._folder):
            snapshots.write_attempt(self._folder, attempt)

    def switch(self, publication: Publication) -> None:
        """Write both files, then the pointer; sweep before and prune after."""
        folder, snapshot_id = self._folder, publication.snapshot.snapshot_id
        before = snapshots.read_pointer(folder)
        with snapshots.storage_errors(folder):
            snapshots.sweep(folder, before)
        metrics, people = folder / f".{snapshot_id}.metrics.tmp", folder / f".{snapshot_id}.people.tmp"
        try:
            with attached(self._connection, people, "new_people", read_only=False):
                self._copy("new_people", PEOPLE)
                self._connection.execute("checkpoint new_people")
            with attached(self._connection, metrics, "new_metrics", read_only=False):
                self._copy("new_metrics", PUBLISHED)
                self._restate(publication, before)
                self._connection.execute(f"create table new_metrics.metrics.snapshot ({_SNAPSHOT_COLUMNS})")
                self._connection.execute(
                    "insert into new_metrics.metrics.snapshot values (?, ?, ?, ?, ?, ?, ?)",
                    list(astuple(publication.snapshot)),
                )
                self._connection.execute("checkpoint new_metrics")
            with snapshots.storage_errors(folder):
                snapshots.sync_file(metrics)
                snapshots.sync_file(people)
                snapshots.lock_file(folder, snapshot_id).touch()
                people.rename(snapshots.people_file(folder, snapshot_id))
                metrics.rename(snapshots.metrics_file(folder, snapshot_id))
                snapshots.sync_folder(folder)
                kept = () if before is None else (before.snapshot_id, *before.kept)
                pointer = Pointer(snapshot_id, kept)
                snapshots.write_pointer(folder, pointer)
                pruned = snapshots.prune(folder, pointer, self._settings.snapshots_kept)
                if pruned != pointer:
                    snapshots.write_pointer(folder, pruned)
        except BaseException:
            for path in (metrics, people):
                path.unlink(missing_ok=True)
                path.with_name(path.name + ".wal").unlink(missing_ok=True)
            raise

    def _copy(self, database: str, tables: Iterable[PublishedTable]) -> None:
        there = columns_by_table(self._connection, self._database)
        for table in tables:
            columns = there[table.source]
            # A viewer's rows lie together, so a read of one team touches a few row groups.
            order = dict.fromkeys(n for n in ("account_id", "team_id", *table.key) if n in columns)
            self._connection.execute(f"create schema if not exists {database}.{quoted(table.schema)}")
            self._connection.execute(
                f"create table {database}.{table.qualified} as "
                f"select * from {table.source} order by {column_list(order)}"
            )

    def _restate(self, publication: Publication, before: Pointer | None) -> None:
        columns = ", ".join(f"{name} {DUCKDB_TYPES[kind]}" for name, kind in COLUMNS.items())  # pyright: ignore[reportArgumentType]
        self._connection.execute(f"create table new_metrics.metrics.restatements ({columns})")
        if before is None:
            return
        with ExitStack() as stack:
            stack.enter_context(snapshots.held(self._folder, before.snapshot_id))
            path = snapshots.metrics_file(self._folder, before.snapshot_id)
            stack.enter_context(attached(self._connection, path, "old_metrics", read_only=True))
            snapshot = snapshot_row(self._connection, "old_metrics")
            before_columns = columns_by_table(self._connection, "old_metrics")
            now_columns = columns_by_table(self._connection, "new_metrics")
            for table in PUBLISHED:
                old = (f"old_metrics.{table.qualified}", before_columns.get(table.qualified, {}))
                new = (f"new_metrics.{table.qualified}", now_columns[table.qualified])
                restated = restated_values(table, old, new, snapshot, publication.causes.get(table.name, Causes()))
                if restated is None:
                    continue
                joined, values = restated
                self._connection.execute(f"create or replace temp table _restated as {joined}")
                rows = as_rows("_restated", table, values, "cast($detected_at as timestamp)", "$run_id")
                self._connection.execute(
                    f"insert into new_metrics.metrics.restatements by name {rows}",
                    {"detected_at": publication.snapshot.published_at, "run_id": publication.build_id},
                )
                self._connection.execute("drop table _restated")
            self._connection.execute(
                "insert into new_metrics.metrics.restatements by name "
                f"select * from old_metrics.metrics.restatements order by detected_at desc limit {KEPT}"
            )
