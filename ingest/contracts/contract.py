"""What a contract is: the one description of an entity from which everything about it follows.

The raw table, the reader's schema, the checks on each row, dbt's sources file and the data dictionary are all
made from a `Contract`. Add an entity to the file of its source; nothing else has to know its columns.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from warehouse.tables import ColumnSpec, ColumnType, TableSpec, Timeline

META_COLUMNS: tuple[ColumnSpec, ...] = (
    ColumnSpec(
        "extra",
        "json",
        "Keys the contract does not know, as they came, less what privacy removes.",
        has_few_values=True,
    ),
    ColumnSpec(
        "load_id", "text", "The load in raw.import_ledger that brought this version of the row.", has_few_values=True
    ),
    ColumnSpec("loaded_at", "timestamp", "When that load ran (UTC)."),
    ColumnSpec("file_name", "text", "The file it came from, relative to the drop folder.", has_few_values=True),
    ColumnSpec("file_line", "bigint", "Its line in that file, counted from 1."),
)
"""Every raw table ends with these."""

ERASED = "erased"
"""What stands in the place of an erased person where a value has to stand."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of an entity: its name in the raw table and what a delivered value must be.

    `keys` are the names it may have in a file, first the usual one; None means its own name. A `person` is
    replaced by its pseudonym at the door. `allowed` is the closed set of values, `minimum` and `maximum` are
    inclusive, `above` is not. `is_past` says the time has happened, so a value more than a day ahead of the clock is
    wrong. `is_free_text` is scrubbed of addresses, tokens and paths. `is_repeated` says that few values of a text come
    many times: each is looked at once, and not once a row. `dropped_where` names a column and a value with
    which this one would be a person's name. `on_erasure` is what becomes of a row when its person is erased: it goes,
    or stays as a fact of something else with NULL, or with ERASED where it matters that there was somebody
    (docs/decisions/0018).
    """

    name: str
    type: ColumnType
    description: str
    is_required: bool = False
    keys: tuple[str, ...] = ()
    allowed: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    is_past: bool = False
    is_person: bool = False
    is_free_text: bool = False
    is_repeated: bool = False
    dropped_where: tuple[str, str] | None = None
    on_erasure: Literal["delete_row", "set_null", "set_erased"] = "delete_row"

    @property
    def delivered_as(self) -> tuple[str, ...]:
        """The names this column may have in a file."""
        return self.keys or (self.name,)


@dataclass(frozen=True)
class Contract:
    """One entity: where it comes from, its key and its columns.

    `shape` names a rewriting of whole lines that the reader knows (GH Archive's two event shapes, Stripe's
    objects); plain entities have none. `day_column` is the column whose UTC day a row belongs to, where rows
    have one. Within a row the values of the columns `rising` never fall from one to the next. `timeline` says how
    the raw table lies along time where it is large, `placed_by` with which value its rows lie where several servers
    share them. `told_once` are the columns of which a file of a reference may hold each combination once: two rows
    would say different things of the same.
    """

    source: str
    entity: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    day_column: str | None = None
    shape: Literal["plain", "archive", "stripe"] = "plain"
    is_reference: bool = field(default=False)
    rising: tuple[str, ...] = ()
    timeline: Timeline | None = None
    placed_by: str | None = None
    told_once: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """`source/entity`, as the drop folder has it."""
        return f"{self.source}/{self.entity}"

    @cached_property
    def table(self) -> TableSpec:
        """The raw table. A reference keeps every version whole, so its key has the version in it."""
        version = (ColumnSpec("version", "bigint", "Counts the deliveries; the newest is in force."),)
        columns = tuple(
            ColumnSpec(c.name, c.type, c.description, c.is_required, has_few_values=bool(c.allowed))
            for c in self.columns
        )
        newer = ("updated_at",) if any(column.name == "updated_at" for column in self.columns) else ()
        return TableSpec(
            schema="raw",
            name=f"{self.source}_{self.entity}",
            columns=columns + (version if self.is_reference else ()) + META_COLUMNS,
            key=("version", "file_line") if self.is_reference else self.key,
            version_by=(*newer, "file_name", "file_line"),
            description=self.description,
            timeline=self.timeline,
            placed_by=self.placed_by,
        )

    @property
    def required(self) -> tuple[Column, ...]:
        """Columns without which a row, or a whole file, is no use; the key is always among them."""
        return tuple(column for column in self.columns if column.is_required or column.name in self.key)
