"""The viewer's room: where a page's SQL runs on DuckDB.

A room is an in-memory engine with no file attached, no way out to files or the network and a locked
configuration. It holds the viewer's own rows and nothing else, copied in by this module's fixed SQL; so whatever
a statement tries inside, there is nothing to find. Filtered views or lists of forbidden names would not do:
catalog functions, `query()` and variables walk around them. The operator has no room: their statement runs on
the snapshot's files, attached read-only.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from warehouse import snapshots
from warehouse.access import Attempt, Role, Snapshot, Viewer
from warehouse.duckdb import Connection, columns_by_table, connect, known_errors, read_one_select, snapshot_row
from warehouse.errors import NotPublishedError, TableNotPublishedError
from warehouse.published import PEOPLE, PublishedTable
from warehouse.settings import Settings
from warehouse.small_groups import protected_select
from warehouse.statements import quoted
from warehouse.visibility import require_tables, row_condition

ROOMS_KEPT = 32
"""Rooms that stay open at once in a process, one a viewer and set of tables; the least used goes first."""
KEPT_BYTES = 128 * 2**20
"""Of the rows that went into rooms: the next room of the same viewer has most of its tables in common with them."""

_SNAPSHOT, _PEOPLE = "snapshot_metrics", "snapshot_people"


class SnapshotReader:
    """Reads the snapshot that the pointer names, each viewer in their own room; see `warehouse.access.Reader`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = settings.published_folder
        self._lock = threading.RLock()
        self._opened: _OpenSnapshot | None = None
        self._rooms: OrderedDict[tuple[str, Viewer, frozenset[str]], Connection] = OrderedDict()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._let_go()

    def snapshot(self) -> Snapshot:
        """The current snapshot; raises NotPublishedError before the first."""
        with self._lock:
            return self._current().row

    def last_attempt(self) -> Attempt | None:
        """The last try to publish, or None."""
        return snapshots.read_attempt(self._folder)

    def columns(self) -> dict[str, dict[str, str]]:
        """The current snapshot's tables and their columns; see `warehouse.access.Reader.columns`."""
        with self._lock:
            return self._current().columns

    def query(
        self, sql: str, viewer: Viewer, tables: Sequence[str], parameters: Mapping[str, Any] | None = None
    ) -> pa.Table:
        """Run one SELECT in the viewer's room; see `warehouse.access.Reader.query`."""
        named = require_tables(viewer, tables)
        with self._lock:
            cursor = self._room(viewer, named).cursor()
        try:
            return read_one_select(cursor, sql, parameters or {})
        finally:
            cursor.close()

    def _current(self) -> "_OpenSnapshot":
        """The snapshot of the pointer, opened; the one before it is let go."""
        # A snapshot that is pruned between the pointer and our lock is gone; then the pointer has moved on.
        for _ in range(100):
            pointer = snapshots.require_pointer(self._folder)
            if self._opened is not None and self._opened.row.snapshot_id == pointer.snapshot_id:
                return self._opened
            self._let_go()
            self._opened = _OpenSnapshot.open(self._settings, pointer.snapshot_id)
            if self._opened is not None:
                return self._opened
        raise NotPublishedError(f"{self._folder} names a snapshot that is not there; publish again")

    def _let_go(self) -> None:
        for room in self._rooms.values():
            room.close()
        self._rooms.clear()
        if self._opened is not None:
            self._opened.close()
            self._opened = None

    def _room(self, viewer: Viewer, tables: tuple[PublishedTable, ...]) -> Connection:
        current = self._current()
        key = (current.row.snapshot_id, viewer, frozenset(table.qualified for table in tables))
        room = self._rooms.get(key)
        if room is None:
            room = current.whole(tables) if viewer.role is Role.OPERATOR else current.room(viewer, tables)
            self._rooms[key] = room
            while len(self._rooms) > ROOMS_KEPT:
                self._rooms.popitem(last=False)[1].close()
        self._rooms.move_to_end(key)
        return room


class _OpenSnapshot:
    """One snapshot's files, open and held against pruning."""

    def __init__(self, settings: Settings, row: Snapshot, connection: Connection, held: int) -> None:
        self._settings = settings
        self._connection = connection
        self._held = held
        self._kept: OrderedDict[tuple[Viewer, PublishedTable], pa.Table] = OrderedDict()
        self.columns = columns_by_table(connection, _SNAPSHOT)
        self.row = row

    @classmethod
    def open(cls, settings: Settings, snapshot_id: str) -> "_OpenSnapshot | None":
        """Hold and open a snapshot; None where it has been pruned."""
        held = snapshots.hold(settings.published_folder, snapshot_id)
        if held is None:
            return None
        try:
            connection = connect(None, settings, read_only=True)
            _attach(connection, str(snapshots.metrics_file(settings.published_folder, snapshot_id)), _SNAPSHOT)
            return cls(settings, snapshot_row(connection, _SNAPSHOT), connection, held)
        except BaseException:
            os.close(held)
            raise

    def close(self) -> None:
        """Close the files and let the pruner have them."""
        self._connection.close()
        os.close(self._held)

    def room(self, viewer: Viewer, tables: tuple[PublishedTable, ...]) -> Connection:
        """A locked room with this viewer's rows of `tables`."""
        room = connect(None, self._settings, read_only=True)
        for table in tables:
            room.execute(f"create schema if not exists {quoted(table.schema)}")
            with _registered(room, "_rows", self._rows(viewer, table)):
                room.execute(f"create table {table.qualified} as select * from _rows")
        _lock_down(room)
        return room

    def whole(self, tables: tuple[PublishedTable, ...]) -> Connection:
        """The operator's session: every row of `tables`, straight from the read-only files."""
        session = connect(None, self._settings, read_only=True)
        folder, snapshot_id = self._settings.published_folder, self.row.snapshot_id
        _attach(session, str(snapshots.metrics_file(folder, snapshot_id)), _SNAPSHOT)
        if any(table in PEOPLE for table in tables):
            _attach(session, str(snapshots.people_file(folder, snapshot_id)), _PEOPLE)
        for table in tables:
            source = _PEOPLE if table in PEOPLE else _SNAPSHOT
            if table.qualified not in columns_by_table(session, source):
                raise TableNotPublishedError(table.qualified)
            session.execute(f"create schema if not exists {quoted(table.schema)}")
            session.execute(f"create view {table.qualified} as select * from {source}.{table.qualified}")
        _lock_down(session)
        return session

    def _rows(self, viewer: Viewer, table: PublishedTable) -> pa.Table:
        """What this viewer may see of a table, small groups hidden."""
        if table not in PEOPLE:
            rows = self._kept.get((viewer, table))
            if rows is None:
                rows = _rows_of(self._connection.cursor(), _SNAPSHOT, self.columns, viewer, table)
                self._kept[viewer, table] = rows
            self._kept.move_to_end((viewer, table))
            while sum(kept.nbytes for kept in self._kept.values()) > KEPT_BYTES:
                self._kept.popitem(last=False)
            return rows
        # Neither held open nor kept: what an erasure takes out of this file is not in any room that is made after it.
        people = connect(None, self._settings, read_only=True)
        try:
            _attach(people, str(snapshots.people_file(self._settings.published_folder, self.row.snapshot_id)), _PEOPLE)
            return _rows_of(people, _PEOPLE, columns_by_table(people, _PEOPLE), viewer, table)
        finally:
            people.close()


def _rows_of(
    cursor: Connection, database: str, there: Mapping[str, Mapping[str, str]], viewer: Viewer, table: PublishedTable
) -> pa.Table:
    """A table's rows of one viewer, read in `database`, whose tables and columns are `there`. Closes the cursor."""
    columns = there.get(table.qualified)
    if columns is None:
        raise TableNotPublishedError(table.qualified)
    where = row_condition(
        table,
        columns,
        "list_contains($team_ids, {column})",
        "list_contains($account_ids, {column})",
        "list_contains($actor_keys, {column})",
    )
    given = {
        "team_ids": sorted(viewer.team_ids),
        "account_ids": sorted(viewer.account_ids),
        "actor_keys": [viewer.actor_key] if viewer.actor_key else [],
    }
    with known_errors(None):
        try:
            cursor.execute(f"use {database}")
            bound = {name: ids or [""] for name, ids in given.items() if f"${name}" in where}
            return cursor.execute(protected_select(table, list(columns), where), bound).to_arrow_table()
        finally:
            cursor.close()


def _attach(connection: Connection, path: str, name: str) -> None:
    escaped = path.replace("'", "''")
    with known_errors(None):
        connection.execute(f"attach '{escaped}' as {name} (read_only)")


def _lock_down(session: Connection) -> None:
    """No way out of the session, and no way to change that."""
    for statement in (
        "set allow_persistent_secrets = false",
        "set secret_directory = ''",
        "set temp_directory = ''",
        "set autoload_known_extensions = false",
        "set allow_community_extensions = false",
        "set enable_external_access = false",
        "set lock_configuration = true",
    ):
        session.execute(statement)


@contextmanager
def _registered(connection: Connection, name: str, rows: pa.Table) -> Iterator[None]:
    connection.register(name, rows)
    try:
        yield
    finally:
        connection.unregister(name)
