"""One world through the whole way on several engines: every published number is the same on each."""

import shutil
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from ingest.erasure import Request, erase
from ingest.privacy import pseudonym
from ingest.simulator import simulate
from orchestration.progress import Silence
from orchestration.refresh import refresh
from tests.integration.published_numbers import COMPARED, assert_same_numbers, published_numbers
from tests.integration.test_erasure import KEY, busiest
from warehouse import open_warehouse
from warehouse.settings import Settings

LAST_DAY = date(2026, 10, 31)


def assert_same_published(duckdb: Settings, postgres: Settings) -> None:
    """Every published number of both homes is the same, and there are thousands of them."""
    left, right = (published_numbers(home, COMPARED) for home in (duckdb, postgres))
    assert_same_numbers(left, right, least=10_000)


def move_days(drop: Path, to: Path, days: set[date]) -> None:
    """Take the files of these days out of one folder, or put them back from the other."""
    for path in sorted(drop.rglob("20*-*-*.ndjson.gz")):
        if date.fromisoformat(path.name.split(".")[0]) in days:
            place = to / path.relative_to(drop)
            place.parent.mkdir(parents=True, exist_ok=True)
            path.rename(place)


def publish_the_same_numbers(homes: Sequence[Settings], tmp_path: Path) -> None:
    """One world in each of these homes: from nothing; after three daily increments; after a late day, an erasure, a
    file delivered twice and history. The first and every other publish the same each time.
    """
    drop, held = tmp_path / "drop", tmp_path / "held"
    simulate(drop, days=40, accounts=6, seed=11, events=6_000, until=LAST_DAY)
    history = {LAST_DAY - timedelta(days=n) for n in range(33, 41)}
    late = {LAST_DAY - timedelta(days=12)}
    newest = [LAST_DAY - timedelta(days=n) for n in (2, 1, 0)]
    move_days(drop, held, history | late | set(newest))
    homes = [home.model_copy(update={"drop": drop}) for home in homes]

    def refresh_all(day: date, hour: int) -> None:
        for home in homes:
            as_of = datetime.combine(day + timedelta(days=1), time(hour), UTC)
            refresh(home, as_of=as_of, allow_older=False, progress=Silence())

    def assert_same() -> None:
        for other in homes[1:]:
            assert_same_published(homes[0], other)

    refresh_all(newest[0] - timedelta(days=1), 6)
    assert_same()

    for day in newest:
        move_days(held, drop, {day})
        refresh_all(day, 6)
    assert_same()

    person = busiest(drop)
    for home in homes:
        with open_warehouse(home) as warehouse:
            assert erase(warehouse, [Request(pseudonym(KEY, person), person)])[0].rows > 100
    move_days(held, drop, history | late)
    events = drop / "registry" / "events"
    shutil.copy(events / f"{newest[1]}.ndjson.gz", events / f"{newest[1]}-again.ndjson.gz")
    refresh_all(LAST_DAY, 7)
    assert_same()
