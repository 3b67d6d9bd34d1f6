"""One world through the whole way on both engines: every published number is the same."""

import math
import shutil
from datetime import UTC, date, datetime, time, timedelta
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
LAST_DAY = date(2026, 10, 31)
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


def assert_same_numbers(duckdb: Settings, postgres: Settings, least: int) -> None:
    """Every published number of both homes is the same, and there are at least `least` of them."""
    compared = 0
    for table in COMPARED:
        left, right = published_rows(duckdb, table), published_rows(postgres, table)
        assert left.keys() == right.keys(), (
            f"{table.name}: only DuckDB has {sorted(left.keys() - right.keys())[:3]}, "
            f"only PostgreSQL {sorted(right.keys() - left.keys())[:3]}"
        )
        for key, row in left.items():
            for column, value in row.items():
                other = right[key][column]
                assert is_same(value, other), f"{table.name} {key} {column}: DuckDB {value!r}, PostgreSQL {other!r}"
                compared += 1
    assert compared > least


def move_days(drop: Path, to: Path, days: set[date]) -> None:
    """Take the files of these days out of one folder, or put them back from the other."""
    for path in sorted(drop.rglob("20*-*-*.ndjson.gz")):
        if date.fromisoformat(path.name.split(".")[0]) in days:
            place = to / path.relative_to(drop)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.rename(place)


@pytest.mark.long
def test_both_engines_publish_the_same_numbers(settings: Settings, postgres_settings: Settings, tmp_path: Path) -> None:
    """From nothing; after three daily increments; after a late day, a file delivered twice, and older history."""
    drop, held = tmp_path / "drop", tmp_path / "held"
    simulate(drop, days=40, accounts=6, seed=11, events=6_000, until=LAST_DAY)
    history = {LAST_DAY - timedelta(days=n) for n in range(33, 41)}
    late = {LAST_DAY - timedelta(days=12)}
    newest = [LAST_DAY - timedelta(days=n) for n in (2, 1, 0)]
    move_days(drop, held, history | late | set(newest))
    homes = [
        one.model_copy(update={"drop": drop, "home": tmp_path / engine})
        for engine, one in (("duckdb", settings), ("postgres", postgres_settings))
    ]

    def refresh_both(day: date, hour: int) -> None:
        for home in homes:
            as_of = datetime.combine(day + timedelta(days=1), time(hour), UTC)
            refresh(home, as_of=as_of, allow_older=False, progress=Silence())

    refresh_both(newest[0] - timedelta(days=1), 6)
    assert_same_numbers(*homes, least=10_000)

    for day in newest:
        move_days(held, drop, {day})
        refresh_both(day, 6)
    assert_same_numbers(*homes, least=10_000)

    move_days(held, drop, history | late)
    events = drop / "registry" / "events"
    shutil.copy(events / f"{newest[1]}.ndjson.gz", events / f"{newest[1]}-again.ndjson.gz")
    refresh_both(LAST_DAY, 7)
    assert_same_numbers(*homes, least=10_000)
