"""Forward migrations of what the warehouse itself owns: schemas, operations tables, ledger and quarantine.

Add a change as the next `schema/<number>_<name>.<engine>.sql`, one file for each engine. There is no way
back: a warehouse of a newer version is refused, never rewritten.
"""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from warehouse.errors import WarehouseNewerError

_FOLDER = Path(__file__).resolve().parent / "schema"


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered step: its version, its name and the SQL of one engine."""

    version: int
    name: str
    sql: str


@cache
def migrations(engine: Literal["duckdb", "postgres"]) -> tuple[Migration, ...]:
    """Every step of one engine in order of version, counted from 1."""
    steps = []
    for path in sorted(_FOLDER.glob(f"*.{engine}.sql")):
        number, _, name = path.name.removesuffix(f".{engine}.sql").partition("_")
        steps.append(Migration(int(number), name, path.read_text(encoding="utf-8")))
    return tuple(steps)


def pending(engine: Literal["duckdb", "postgres"], version: int, place: str) -> tuple[Migration, ...]:
    """The steps above `version`; raises WarehouseNewerError where `version` is above every step."""
    steps = migrations(engine)
    if version > steps[-1].version:
        raise WarehouseNewerError(
            f"{place} has schema version {version}, this program knows {steps[-1].version}; "
            "install the version that wrote it, or point SKILLSMITH_HOME elsewhere"
        )
    return tuple(step for step in steps if step.version > version)
