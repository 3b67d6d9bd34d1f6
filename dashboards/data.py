"""The only way to data: named query files, run for a viewer against the published snapshot.

`query(name, viewer, **parameters)` runs `dashboards/queries/<name>.sql`. Such a file begins with what it answers
and the tables that it reads; `warehouse.access` gives the viewer's rows of exactly those tables and no others:

    -- What it answers, in one sentence.
    -- tables: metrics.team_activity
    select ... from metrics.team_activity where team_id = $team_id

Parameters are bound by name (`$name`), never written into the text. Metrics are computed in the warehouse: a
query file selects, filters and sorts. Results are kept per snapshot, viewer and parameters, and shared between
sessions; so nobody can change them.
"""

import re
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import streamlit as st

from warehouse.access import Attempt, Reader, Snapshot, Viewer, open_reader
from warehouse.errors import SkillsmithError, UsageError
from warehouse.settings import Settings, load_settings

Row = Mapping[str, Any]
"""One row of a result: plain Python values by column, None where nothing was measured."""
Rows = tuple[Row, ...]

QUERIES = Path(__file__).resolve().parent / "queries"
# As DuckDB says it, and as PostgreSQL does.
_UNKNOWN_COLUMN = re.compile(r"Referenced column|column .* does not exist")
KEPT_RESULTS = 1000
"""Query results kept in memory; a page has about ten, each of a few kilobytes."""


@dataclass(frozen=True, slots=True)
class QueryFile:
    """One file of `dashboards/queries`: what it answers, the tables that it names, its SQL."""

    name: str
    answers: str
    tables: tuple[str, ...]
    sql: str

    @property
    def parameters(self) -> frozenset[str]:
        """Names of the parameters that the SQL binds."""
        return frozenset(re.findall(r"\$([a-z_]+)", self.sql))


@cache
def query_file(name: str) -> QueryFile:
    """Read a query file; raises UsageError where it is not there or does not name its tables."""
    path = QUERIES / f"{name}.sql"
    if not re.fullmatch(r"[a-z_]+", name) or not path.is_file():
        raise UsageError(f"there is no query file {name!r} in dashboards/queries")
    text = path.read_text(encoding="utf-8")
    header = [line.removeprefix("--").strip() for line in text.splitlines() if line.startswith("--")]
    named = [line.removeprefix("tables:") for line in header if line.startswith("tables:")]
    if len(named) != 1:
        raise UsageError(f"dashboards/queries/{name}.sql needs one header line '-- tables: ...'")
    tables = tuple(part.strip() for part in named[0].split(",") if part.strip())
    answers = " ".join(line for line in header if not line.startswith("tables:"))
    sql = "\n".join(line for line in text.splitlines() if not line.startswith("--")).strip()
    return QueryFile(name=name, answers=answers, tables=tables, sql=sql)


def query(name: str, viewer: Viewer, **parameters: Any) -> Rows:
    """Rows of one query file that this viewer may see, from the current snapshot.

    Raises NotPublishedError before the first publish, AccessError where the viewer may not read a table.
    """
    who = (
        viewer.who,
        str(viewer.role),
        tuple(sorted(viewer.account_ids)),
        tuple(sorted(viewer.team_ids)),
        viewer.actor_key,
    )
    rows: Rows = _rows(snapshot().snapshot_id, who, name, tuple(sorted(parameters.items())), viewer)
    return rows


def snapshot() -> Snapshot:
    """The snapshot that pages show now; raises NotPublishedError before the first."""
    return _shared().reader().snapshot()


def last_attempt() -> Attempt | None:
    """The newest attempt to publish, whether it succeeded or was refused."""
    return _shared().reader().last_attempt()


class _SharedReader:
    """One reader for the whole process, opened at first use: a dashboard may start before the first publish."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._open = ExitStack()
        self._reader: Reader | None = None
        self._opening = threading.Lock()

    def reader(self) -> Reader:
        """The open reader; where opening fails the next call tries again."""
        with self._opening:
            if self._reader is None:
                self._reader = self._open.enter_context(open_reader(self._settings))
            return self._reader


@st.cache_resource(show_spinner=False)
def _shared() -> _SharedReader:
    return _SharedReader(load_settings())


@st.cache_resource(show_spinner=False, max_entries=KEPT_RESULTS)
def _rows(
    snapshot_id: str,  # noqa: ARG001 - the key: a new snapshot is a new result
    who: tuple[Any, ...],  # noqa: ARG001 - the key: no viewer ever gets another's result
    name: str,
    parameters: tuple[tuple[str, Any], ...],
    _viewer: Viewer,
) -> Rows:
    file = query_file(name)
    try:
        found = _shared().reader().query(file.sql, _viewer, file.tables, dict(parameters))
    except UsageError as error:
        if not _UNKNOWN_COLUMN.search(str(error)):
            raise
        # Nobody typed this statement: what it asks for is not in a snapshot of an older version.
        raise SkillsmithError(
            f"{', '.join(file.tables)}: the snapshot lacks what this page reads, as one of an older version does; "
            "run `skillsmith-analytics refresh`"
        ) from error
    return tuple(MappingProxyType(row) for row in found.to_pylist())
