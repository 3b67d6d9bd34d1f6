"""Reading what is published on PostgreSQL: one statement, as the reader's role, in one read-only transaction.

The server holds the boundary (`warehouse.postgres_access`); this module only says who the viewer is. The names
that a page writes (`metrics.team_activity`) are led to the access views, for comfort and not for safety: the
role has no right on anything else. The operator reads the published tables themselves.
"""

import json
import re
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

from warehouse.access import Attempt, Role, Snapshot, Viewer
from warehouse.errors import AccessError, NotPublishedError, SkillsmithError, TableNotPublishedError, UsageError
from warehouse.postgres import (
    Connection,
    borrowed_connection,
    columns_of,
    known_errors,
    literal,
    only_read,
    read_rows,
    run,
)
from warehouse.postgres_access import READER_ROLE, REVOKE, may_set_viewer, stored, view_name
from warehouse.publish_postgres import current_snapshot
from warehouse.published import PUBLISHED
from warehouse.settings import Settings
from warehouse.statements import named_parameters, renamed_tables
from warehouse.visibility import require_tables

QUERY_SECONDS = 60
"""How long one read of a page or of `query` may take."""

_READS = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/|\()*(select|with|values|table)\b", re.IGNORECASE | re.DOTALL)

_ARROW_TYPES: dict[int, pa.DataType] = {
    16: pa.bool_(),
    20: pa.int64(),
    21: pa.int32(),
    23: pa.int32(),
    700: pa.float64(),
    701: pa.float64(),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us"),
}
_NUMERIC = 1700


class PostgresReader:
    """Reads schema `metrics` as the viewer; see `warehouse.access.Reader`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def snapshot(self) -> Snapshot:
        """The current snapshot; raises NotPublishedError before the first."""
        with borrowed_connection(self._settings) as connection, known_errors():
            return _require_snapshot(connection)

    def last_attempt(self) -> Attempt | None:
        """The last try to publish, or None."""
        with borrowed_connection(self._settings) as connection, known_errors():
            if not columns_of(connection, "metrics.attempt"):
                return None
            row = run(connection, "select at, outcome, failed from metrics.attempt").fetchone()
        return Attempt(row["at"], row["outcome"], json.loads(row["failed"])) if row else None

    def columns(self) -> dict[str, dict[str, str]]:
        """The current snapshot's tables and their columns; see `warehouse.access.Reader.columns`."""
        with borrowed_connection(self._settings) as connection, known_errors():
            _require_snapshot(connection)
            found = {table.qualified: columns_of(connection, stored(table).qualified) for table in PUBLISHED}
        return {name: columns for name, columns in found.items() if columns}

    def query(
        self, sql: str, viewer: Viewer, tables: Sequence[str], parameters: Mapping[str, Any] | None = None
    ) -> pa.Table:
        """Run one SELECT as the viewer; see `warehouse.access.Reader.query`."""
        named = require_tables(viewer, tables)
        if not _READS.match(sql):
            raise AccessError("exactly one SELECT statement is read here")
        is_operator = viewer.role is Role.OPERATOR
        places = {table.qualified: stored(table).qualified if is_operator else view_name(table) for table in named}
        statement, names = named_parameters(renamed_tables(sql, places))
        missing = names - set(parameters or {})
        if missing:
            raise UsageError(f"no value for ${min(missing)}")
        with borrowed_connection(self._settings) as connection:
            with known_errors():
                _require_snapshot(connection)
                _require_published(connection, places)
                if not is_operator and may_set_viewer(connection):
                    raise SkillsmithError(f"readers could change who they are; as a superuser run: {REVOKE}")
                only_read(connection)
            with connection.transaction():
                run(connection, f"set local statement_timeout = '{QUERY_SECONDS}s'")
                if not is_operator:
                    with known_errors():
                        _be(connection, viewer)
                return _as_arrow(*read_rows(connection, statement, {name: (parameters or {})[name] for name in names}))


def _require_snapshot(connection: Connection) -> Snapshot:
    snapshot = current_snapshot(connection)
    if snapshot is None:
        raise NotPublishedError("nothing is published yet; run `skillsmith-analytics refresh` first")
    return snapshot


def _require_published(connection: Connection, places: Mapping[str, str]) -> None:
    missing = run(
        connection,
        "select given.name from unnest(%s::text[], %s::text[]) as given(name, place) where to_regclass(place) is null",
        [list(places), list(places.values())],
    ).fetchone()
    if missing is not None:
        raise TableNotPublishedError(missing["name"])


def _be(connection: Connection, viewer: Viewer) -> None:
    """Be this viewer, in the reader's role, until the transaction ends."""
    for name, value in (
        ("role", viewer.role.value),
        ("team_ids", json.dumps(sorted(viewer.team_ids))),
        ("account_ids", json.dumps(sorted(viewer.account_ids))),
        ("actor_key", viewer.actor_key or ""),
    ):
        run(connection, f"set local skillsmith.{name} = {literal(connection, value)}")
    run(connection, f"set local role {READER_ROLE}")


def _as_arrow(described: Sequence[tuple[str, int]], rows: Sequence[Sequence[Any]]) -> pa.Table:
    columns = list(zip(*rows, strict=True)) if rows else [()] * len(described)
    arrays = [_array(type_code, values) for (_, type_code), values in zip(described, columns, strict=True)]
    return pa.Table.from_arrays(arrays, names=[name for name, _ in described])


def _array(type_code: int, values: Sequence[Any]) -> pa.Array:
    if type_code == _NUMERIC:
        # A sum of bigint is numeric here; whole numbers stay whole.
        whole = all(value is None or value == value.to_integral_value() for value in values)
        convert = int if whole else float
        kind = pa.int64() if whole else pa.float64()
        return pa.array([None if value is None else convert(value) for value in values], kind)
    kind = _ARROW_TYPES.get(type_code)
    if kind is None:
        return pa.array([None if value is None else str(value) for value in values], pa.string())
    return pa.array(values, kind)
