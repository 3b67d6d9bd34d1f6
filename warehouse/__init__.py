"""The ground floor: one warehouse, two engines, the same calls.

`open_warehouse` gives the engine that the settings name. What a caller may do with it is the `Warehouse`
protocol below; nothing above this package imports a database driver. Reading what is *published* is not
here: that is `warehouse.access`, which the dashboards and `query` go through.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import pyarrow as pa

from warehouse.settings import Settings
from warehouse.tables import TableSpec

__all__ = ["MergeCounts", "ReadingEngine", "Step", "Warehouse", "Writer", "open_warehouse"]


Step = Literal["import", "build"]
"""What a writing session is for: on a server each step has its own role with no more rights than it needs."""


@dataclass(frozen=True, slots=True)
class MergeCounts:
    """What a merge did: rows new to the table, rows that replaced an older version, rows already there.

    `known` counts the staged rows whose key the table already had, by the value of the column asked for.
    """

    inserted: int
    updated: int
    unchanged: int
    known: Mapping[str, int] = field(default_factory=dict, compare=False)


class ReadingEngine(Protocol):
    """The DuckDB session that parses files for either warehouse; its temporary tables are the staging area."""

    def sql(self, statement: str, parameters: Sequence[Any] | Mapping[str, Any] | None = None) -> pa.Table:
        """Run one statement with bound parameters; its rows as Arrow (no rows: an empty table)."""
        ...

    def register(self, name: str, rows: pa.Table | pa.RecordBatchReader) -> None:
        """Make Arrow rows readable under `name` for this session; a stream of them once."""
        ...

    def unregister(self, name: str) -> None:
        """Forget what `register` made readable."""
        ...


class Writer(Protocol):
    """The one writing session. Everything between `begin` and `commit` lands together or not at all.

    On DuckDB the reading engine and the warehouse are one connection, so a merge never leaves it; on
    PostgreSQL staged rows travel by COPY into a temporary table and are merged there.
    """

    @property
    def reading(self) -> ReadingEngine:
        """The session that parses files; `staged` names below are its temporary tables or views."""
        ...

    def twin(self) -> "Writer | None":
        """A writer of the same session with temporary tables of its own, to stage rows while others land.

        Only one of the two may touch the warehouse at a time. None where staging and landing are one connection.
        """
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """Commit at the end, roll everything back on any error. Does not nest."""
        ...

    def merge(
        self, staged: str, into: TableSpec, *, counted_by: str | None = None, numbered_by: str | None = None
    ) -> MergeCounts:
        """Merge staged rows (one per key, columns named as in `into`) by key; the greater `version_by` wins.

        Rows equal in key and version change nothing. `counted_by` names the column of `MergeCounts.known`,
        `numbered_by` one beside those of `into` that numbers the rows: they need not be copied to be told apart.
        """
        ...

    def append(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert a few rows of values (ledger, quarantine, check results); not for bulk."""
        ...

    def append_staged(self, staged: str, table: str) -> int:
        """Insert every staged row, columns matched by name; the number inserted."""
        ...

    def replace(self, table: TableSpec, rows: pa.Table) -> int:
        """Put exactly these rows in the table, creating it where it is not there; the number of rows."""
        ...

    def execute(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement in the warehouse with `?` placeholders; rows touched (-1 where unknown)."""
        ...

    def fetch(self, statement: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Rows of one query in the warehouse with `?` placeholders, as the operator."""
        ...


class Warehouse(Protocol):
    """One warehouse. Close it before another process, or dbt, opens the same DuckDB file."""

    engine: Literal["duckdb", "postgres"]
    settings: Settings

    def initialise(self, tables: Iterable[TableSpec] = ()) -> None:
        """Bring schemas, operations tables and `tables` to this version; safe to repeat.

        A column that a contract has gained is added. Raises WarehouseNewerError, changing nothing, where the
        warehouse was written by a newer version.
        """
        ...

    def install(self, tables: Iterable[TableSpec] = ()) -> None:
        """`initialise`, and before and after it what only an administrator may do: extension, roles, their rights."""
        ...

    def write(self, step: Step | None = "build") -> AbstractContextManager[Writer]:
        """The one writing session, with the rights of `step` where the server knows them (None: all the user has).

        Raises WarehouseBusyError where another process has it.
        """
        ...

    def held(self) -> AbstractContextManager[None]:
        """Sessions of this process that follow each other inside of it begin and end at no cost.

        No other process has a DuckDB file meanwhile. Raises WarehouseBusyError where one has it already.
        """
        ...

    def alone(self, wait_seconds: float) -> AbstractContextManager[None]:
        """No other run works in this warehouse: one whose home is another folder neither, where a server may have both.

        Raises WarehouseBusyError where one does for longer than that.
        """
        ...

    def freshen(self) -> None:
        """Bring the engine's own rollups up to what was imported; nothing to do where it has none."""
        ...

    def health(self) -> dict[str, Any]:
        """What the engine's keeper watches (chunks, compression, policies, bloat); empty where there is nothing."""
        ...

    @property
    def dbt_target(self) -> str:
        """The name of that output, by which the project knows where its tables lie: duckdb, postgres or citus."""
        ...

    def dbt_profile(self) -> dict[str, Any]:
        """The dbt output (target) that builds in this warehouse: type, address, schema, threads.

        A password is never in it: it names the environment variable that dbt reads.
        """
        ...

    def dbt_environment(self) -> dict[str, str]:
        """Environment variables that dbt needs for this profile, the password among them."""
        ...

    def close(self) -> None:
        """Let go of every handle; the warehouse can be used again and opens anew."""
        ...


@contextmanager
def open_warehouse(settings: Settings) -> Iterator[Warehouse]:
    """The warehouse that the settings name, closed at the end."""
    warehouse: Warehouse
    if settings.engine == "postgres":
        from warehouse.postgres import PostgresWarehouse

        warehouse = PostgresWarehouse(settings)
    else:
        from warehouse.duckdb import DuckDBWarehouse

        warehouse = DuckDBWarehouse(settings)
    try:
        yield warehouse
    finally:
        warehouse.close()
