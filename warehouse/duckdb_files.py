"""What an erasure does to DuckDB's files: published snapshots without some persons, the warehouse without free pages.

A snapshot's file never changes but here. Its successor of the same name is written beside it and takes its place in
one step, so a reader has the one or the other, and a kill leaves the old one, which the erasure finds again.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

from warehouse import Warehouse, Writer, snapshots
from warehouse.duckdb import Connection, DuckDBWriter, current_database, known_errors
from warehouse.publish_duckdb import attached
from warehouse.settings import Settings
from warehouse.statements import quoted, quoted_table

Found = Callable[[str, dict[str, int]], None]
"""Called once a file that held a person: its place, rows by person."""

_OLD, _NEW = "erased_old", "erased_new"


def snapshots_without(
    settings: Settings, writer: Writer, persons: Sequence[str], *, found: Found, dry_run: bool = False
) -> None:
    """Write every published file that holds one of `persons` in a column of text anew, kept ones too, without the rows.

    What killed publishers left in the folder goes.
    """
    if not isinstance(writer, DuckDBWriter):
        raise TypeError("published files are DuckDB's")
    folder = settings.published_folder
    if not folder.is_dir():
        return
    pointer = snapshots.read_pointer(folder)
    if not dry_run:
        with snapshots.storage_errors(folder):
            snapshots.sweep(folder, pointer)
    for snapshot_id in () if pointer is None else (pointer.snapshot_id, *pointer.kept):
        for path in (snapshots.people_file(folder, snapshot_id), snapshots.metrics_file(folder, snapshot_id)):
            if path.exists():
                _without(writer.connection, path, persons, found, dry_run)


def _without(connection: Connection, path: Path, persons: Sequence[str], found: Found, dry_run: bool) -> None:
    successor = path.with_name(f".{path.name}.tmp")
    with attached(connection, path, _OLD, read_only=True):
        tables = _tables(connection)
        rows: dict[str, int] = {}
        for table, columns in tables.items():
            for column in columns:
                for person, count in connection.execute(
                    f"select {quoted(column)}, count(*) from {_OLD}.{quoted_table(table)} "
                    f"where {quoted(column)} in (select unnest($persons)) group by 1",
                    {"persons": list(persons)},
                ).fetchall():
                    rows[person] = rows.get(person, 0) + count
        if not rows:
            return
        found(f"published/{path.name}", rows)
        if dry_run:
            return
        successor.unlink(missing_ok=True)
        with attached(connection, successor, _NEW, read_only=False):
            for table, columns in tables.items():
                nobody = " and ".join(
                    f"({quoted(column)} is null or {quoted(column)} not in (select unnest($persons)))"
                    for column in columns
                )
                connection.execute(f"create schema if not exists {_NEW}.{quoted(table.partition('.')[0])}")
                connection.execute(
                    f"create table {_NEW}.{quoted_table(table)} as select * from {_OLD}.{quoted_table(table)} "
                    f"where {nobody or 'true'} order by rowid",
                    {"persons": list(persons)} if columns else None,
                )
            connection.execute(f"checkpoint {_NEW}")
    with snapshots.storage_errors(path.parent):
        snapshots.sync_file(successor)
        successor.rename(path)
        snapshots.sync_folder(path.parent)


def _tables(connection: Connection) -> dict[str, list[str]]:
    """Every table of the attached old file, with its columns of text."""
    tables: dict[str, list[str]] = {}
    for name, column, kind in connection.execute(
        "select schema_name || '.' || table_name, column_name, data_type from duckdb_columns() "
        "where database_name = ? and not internal order by schema_name, table_name, column_index",
        [_OLD],
    ).fetchall():
        tables.setdefault(name, [])
        if kind == "VARCHAR":
            tables[name].append(column)
    return tables


def rewrite_warehouse(warehouse: Warehouse) -> None:
    """Write the warehouse's file anew: what was deleted stands in its free pages until they are used again.

    Needs as much space as its rows take. A kill leaves the old file, whole.
    """
    path = warehouse.settings.warehouse_file
    successor = path.with_name(f".{path.name}.tmp")
    with snapshots.storage_errors(path.parent):
        for left in (successor, successor.with_name(f"{successor.name}.wal")):
            left.unlink(missing_ok=True)
    with warehouse.write(None) as writer:
        if not isinstance(writer, DuckDBWriter):
            raise TypeError("only DuckDB's warehouse is a file")
        connection = writer.connection
        with attached(connection, successor, _NEW, read_only=False), known_errors(path):
            connection.execute(f"copy from database {quoted(current_database(connection))} to {_NEW}")
            connection.execute(f"checkpoint {_NEW}")
        with snapshots.storage_errors(path.parent):
            snapshots.sync_file(successor)
    with snapshots.storage_errors(path.parent):
        successor.rename(path)
        snapshots.sync_folder(path.parent)
