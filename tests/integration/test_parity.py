"""One world through the whole way on both engines: every published number is the same."""

import math
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.simulator import simulate
from orchestration.progress import Silence
from orchestration.refresh import refresh
from warehouse.access import Role, Viewer, open_reader
from warehouse.published import PUBLISHED, PublishedTable
from warehouse.settings import Settings

OPERATOR = Viewer("operator", Role.OPERATOR, frozenset(), frozenset())
# When and how long a run took is its own; what it says of the business is not.
COMPARED = [table for table in PUBLISHED if table.scope not in ("operations", "trust")]


def published_rows(settings: Settings, table: PublishedTable) -> dict[tuple[str, ...], dict[str, Any]]:
    """The rows of one published table by key, without the time of the run."""
    with open_reader(settings) as reader:
        rows = reader.query(f"select * from {table.qualified}", OPERATOR, [table.qualified], {}).to_pylist()
    return {
        tuple(str(row[column]) for column in table.key): {
            name: value for name, value in row.items() if name != "computed_at"
        }
        for row in rows
    }


def is_same(left: Any, right: Any) -> bool:
    """Equal, or doubles within 1e-9 of each other, relatively."""
    if isinstance(left, float) and isinstance(right, float):
        return math.isclose(left, right, rel_tol=1e-9)
    return left == right


@pytest.mark.long
def test_both_engines_publish_the_same_numbers(settings: Settings, postgres_settings: Settings, tmp_path: Path) -> None:
    simulate(tmp_path / "drop", days=40, accounts=6, seed=11, events=6_000, until=date(2026, 10, 31))
    as_of = datetime(2026, 11, 1, 6, tzinfo=UTC)
    homes = [
        one.model_copy(update={"drop": tmp_path / "drop", "home": tmp_path / engine})
        for engine, one in (("duckdb", settings), ("postgres", postgres_settings))
    ]
    for home in homes:
        refresh(home, as_of=as_of, allow_older=False, progress=Silence())
    compared = 0
    for table in COMPARED:
        duckdb, postgres = (published_rows(home, table) for home in homes)
        assert duckdb.keys() == postgres.keys(), f"{table.name}: rows of one engine only"
        for key, row in duckdb.items():
            for column, value in row.items():
                other = postgres[key][column]
                assert is_same(value, other), f"{table.name} {key} {column}: DuckDB {value!r}, PostgreSQL {other!r}"
                compared += 1
    assert compared > 10_000
