"""Shapes of tables, the same for both engines.

A `TableSpec` is what ingest's contracts and the operations schema hand to an engine: it creates the
table, checks what is staged against it and merges by its key. Metrics tables are not here: dbt makes
those, and `warehouse.published` lists them.
"""

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "integer", "bigint", "double", "boolean", "timestamp", "date", "json"]

DUCKDB_TYPES: dict[ColumnType, str] = {
    "text": "VARCHAR",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    # UTC without a zone: bucketing a TIMESTAMPTZ is 4 to 21 times slower in DuckDB.
    "timestamp": "TIMESTAMP",
    "date": "DATE",
    "json": "JSON",
}
POSTGRES_TYPES: dict[ColumnType, str] = {
    "text": "text",
    "integer": "integer",
    "bigint": "bigint",
    "double": "double precision",
    "boolean": "boolean",
    "timestamp": "timestamptz",
    "date": "date",
    "json": "jsonb",
}


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """One column: its name, its type and what it holds. `has_few_values` says that they are many times the same."""

    name: str
    type: ColumnType
    description: str = ""
    is_required: bool = False
    has_few_values: bool = False


@dataclass(frozen=True, slots=True)
class Timeline:
    """How a table that grows with time lies along it where TimescaleDB keeps it; measured in docs/decisions/0015.

    `column` (never NULL) cuts it into chunks of `chunk_days`. Chunks older than `compress_after_days` become
    columns, kept apart by `segment_by` and in the order of `order_by`.
    """

    column: str
    chunk_days: int = 7
    compress_after_days: int = 7
    segment_by: tuple[str, ...] = ()
    order_by: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table. Rows merge on `key`; of two versions the greater by `version_by` wins (NULLs lowest).

    `placed_by` names the text column whose value says on which server a row lies where there are several (Citus).
    """

    schema: str
    name: str
    columns: tuple[ColumnSpec, ...]
    key: tuple[str, ...] = ()
    version_by: tuple[str, ...] = ()
    description: str = ""
    timeline: Timeline | None = None
    placed_by: str | None = None

    @property
    def qualified(self) -> str:
        """`schema.table`, as SQL writes it."""
        return f"{self.schema}.{self.name}"

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns' names in order."""
        return tuple(column.name for column in self.columns)
