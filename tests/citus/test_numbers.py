"""One world on DuckDB and on a Citus cluster: every published number is the same."""

from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest

from ingest.simulator import simulate
from orchestration.progress import Silence
from orchestration.refresh import refresh
from tests.integration.parity import LAST_DAY, assert_same_published, move_days
from warehouse.settings import Settings

pytestmark = pytest.mark.citus


def test_a_cluster_publishes_the_numbers_of_one_file(
    settings: Settings, citus_settings: Settings, tmp_path: Path
) -> None:
    """From nothing, after one more day, and after a late day and a file that is delivered again."""
    drop, held = tmp_path / "drop", tmp_path / "held"
    simulate(drop, days=40, accounts=6, seed=11, events=6_000, until=LAST_DAY)
    late = LAST_DAY - timedelta(days=12)
    move_days(drop, held, {LAST_DAY, late})
    homes = [
        one.model_copy(update={"drop": drop, "home": tmp_path / name})
        for name, one in (("duckdb", settings), ("citus", citus_settings))
    ]

    def refresh_both(as_of: datetime) -> None:
        for home in homes:
            refresh(home, as_of=as_of, allow_older=False, progress=Silence())
        assert_same_published(*homes)

    morning = datetime.combine(LAST_DAY, time(6), UTC)
    refresh_both(morning)
    move_days(held, drop, {LAST_DAY})
    refresh_both(morning + timedelta(days=1))
    move_days(held, drop, {late})
    events = drop / "registry" / "events" / f"{LAST_DAY}.ndjson.gz"
    (events.parent / f"{LAST_DAY}-again.ndjson.gz").write_bytes(events.read_bytes())
    refresh_both(morning + timedelta(days=1, hours=1))
