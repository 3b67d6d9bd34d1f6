"""An importer that is killed at any moment and run again: what it leaves is what an undisturbed run leaves."""

import os
import random
import subprocess
import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.contracts import CONTRACTS
from ingest.files import import_drop
from ingest.simulator import simulate
from orchestration.pipeline import initialise
from tests.conftest import postgres_takes_long
from warehouse import Warehouse, open_warehouse
from warehouse.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
LAST = date(2026, 3, 31)
AS_OF = datetime(2026, 4, 1, 6, tzinfo=UTC)

# Forks an importer for every line it reads; kills it after that many seconds and says whether it had ended by then.
IMPORTER = """
import os, signal, sys, time
from datetime import datetime
from pathlib import Path
from ingest.files import import_drop
from orchestration.pipeline import initialise
from warehouse import open_warehouse
from warehouse.settings import load_settings

print("ready", flush=True)
for line in sys.stdin:
    home, drop, as_of, seconds = line.rstrip("\\n").split("\\t")
    child = os.fork()
    if child == 0:
        # DuckDB takes a program without a file for a session at a terminal, and draws its progress there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        url = os.environ.get("TEST_WAREHOUSE_URL")
        with open_warehouse(load_settings(home=home, secret="a key for tests only", warehouse_url=url)) as warehouse:
            initialise(warehouse)
            import_drop(warehouse, Path(drop), as_of=datetime.fromisoformat(as_of))
        os._exit(0)
    until = time.monotonic() + float(seconds)
    ended = 0
    while not ended and time.monotonic() < until:
        ended, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.001)
    if not ended:
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
    print("killed" if os.WIFSIGNALED(status) else "ended" if status == 0 else "failed", flush=True)
"""


def content(warehouse: Warehouse) -> dict[str, Any]:
    """Every raw row without when it came, as a count and a sum over hashes; each file's fate; quarantine; totals."""
    found: dict[str, Any] = {}
    with warehouse.write() as writer:
        for contract in CONTRACTS.values():
            names = ", ".join(
                f't."{name}"' for name in contract.table.column_names if name not in ("load_id", "loaded_at")
            )
            hashed = (
                f"sum(hash({names})::hugeint)"
                if warehouse.engine == "duckdb"
                else f"sum(hashtextextended(row({names})::text, 0)::numeric)"
            )
            [row] = writer.fetch(
                f"select count(*) as n, {hashed}::varchar as hashes from {contract.table.qualified} as t"
            )
            found[contract.name] = row
        found["files"] = writer.fetch(
            "select file_name, outcome, count(*) as times, sum(rows_seen) as seen, sum(rows_quarantined) as bad "
            "from raw.import_ledger group by file_name, outcome order by file_name, outcome"
        )
        found["quarantine"] = writer.fetch(
            "select file_name, file_line, reason, row_text from raw.quarantine order by file_name, file_line, reason"
        )
        found["rows"] = writer.fetch(
            "select source, entity, sum(rows_loaded) as loaded, sum(rows_merged) as merged "
            "from raw.import_ledger group by source, entity order by source, entity"
        )
        if warehouse.engine == "postgres":
            found["days"] = writer.fetch(
                "select table_name, day, row_count from raw.days where row_count > 0 order by table_name, day"
            )
    return found


def emptied(settings: Settings, name: str) -> Settings:
    """The same warehouse as before its first import: another home, and no rows where the server keeps them."""
    fresh = settings.model_copy(update={"home": settings.home.with_name(name)})
    with open_warehouse(fresh) as warehouse:
        initialise(warehouse)
        if warehouse.engine == "postgres":
            with warehouse.write(None) as writer:
                tables = [contract.table.qualified for contract in CONTRACTS.values()]
                for table in (*tables, "raw.import_ledger", "raw.quarantine", "raw.days", "ops.rollup_ranges"):
                    writer.execute(f"truncate {table}")
    return fresh


def kill_and_compare(settings: Settings, drop: Path, kills: int, latest: float) -> None:
    """Kill so many runs, each within this share of an undisturbed one's seconds; each goes on where the last ended."""
    with open_warehouse(settings) as warehouse:
        initialise(warehouse)
        begun = time.perf_counter()
        import_drop(warehouse, drop, as_of=AS_OF)
        undisturbed_seconds = time.perf_counter() - begun
        undisturbed = content(warehouse)
    assert undisturbed["registry/events"]["n"] > 0
    assert undisturbed["quarantine"]
    url = settings.warehouse_url.get_secret_value() if settings.warehouse_url else ""
    importer = subprocess.Popen(
        [sys.executable, "-c", IMPORTER],
        env={**os.environ, "PYTHONPATH": str(ROOT), **({"TEST_WAREHOUSE_URL": url} if url else {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    assert importer.stdin is not None
    assert importer.stdout is not None
    chance, killed, rounds = random.Random(7), 0, 0
    try:
        assert importer.stdout.readline() == "ready\n"
        while killed < kills:
            rounds += 1
            again = emptied(settings, f"home{rounds}")
            while True:
                # Once enough were killed, the last is left to end.
                seconds = chance.uniform(0, undisturbed_seconds * latest) if killed < kills else 3600
                importer.stdin.write(f"{again.home}\t{drop}\t{AS_OF.isoformat()}\t{seconds}\n")
                importer.stdin.flush()
                outcome = importer.stdout.readline()
                if outcome == "ended\n":
                    break
                assert outcome == "killed\n"
                killed += 1
            with open_warehouse(again) as warehouse:
                assert content(warehouse) == undisturbed, f"after {killed} kills"
    finally:
        importer.communicate(timeout=600)
    assert killed >= kills


@pytest.fixture(scope="module")
def small_drop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    drop = tmp_path_factory.mktemp("small") / "drop"
    simulate(drop, days=20, accounts=12, seed=7, events=20_000, until=LAST)
    return drop


@postgres_takes_long
def test_an_importer_killed_five_times_leaves_what_an_undisturbed_one_leaves(
    engine_settings: Settings, small_drop: Path
) -> None:
    kill_and_compare(engine_settings, small_drop, kills=5, latest=0.4)


@pytest.mark.long
@pytest.mark.parametrize(
    ("engine_settings", "kills"), [("duckdb", 100), ("postgres", 30)], indirect=["engine_settings"]
)
def test_an_importer_of_a_million_rows_that_is_killed_again_and_again_leaves_what_an_undisturbed_one_leaves(
    engine_settings: Settings, kills: int, tmp_path: Path
) -> None:
    drop = tmp_path / "drop"
    simulate(drop, days=120, accounts=60, seed=7, events=600_000, until=LAST)
    kill_and_compare(engine_settings, drop, kills=kills, latest=0.15)
