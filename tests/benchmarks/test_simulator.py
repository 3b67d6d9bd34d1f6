"""How fast a world is written, and in how little memory: the path of every load test and of the demo."""

import json
import subprocess
import sys
import time
from datetime import date
from pathlib import Path

import pytest

from ingest.simulator import simulate

EVENTS = 1_000_000
# Ten million events are due in three minutes on two cores. CPU time is what a busy machine measures rightly, so the
# whole of it must fit: then even one core would do.
MOST_SECONDS = 180.0
PEAK_BYTES = 2 * 1024**3

_MEASURED = """
import json, resource, sys, time
from datetime import date
from pathlib import Path
from ingest.simulator import simulate
begun, used = time.monotonic(), time.process_time()
answers = simulate(Path(sys.argv[1]), events=int(sys.argv[2]), until=date(2026, 10, 31))
print(json.dumps({
    "seconds": time.monotonic() - begun,
    "cpu_seconds": time.process_time() - used,
    "peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    "events": answers["rows"]["registry/events"],
}))
"""


def measured(out: Path, events: int) -> dict[str, float]:
    """One simulation in a process of its own, so that the peak is its own."""
    run = subprocess.run(
        [sys.executable, "-c", _MEASURED, str(out), str(events)], check=True, capture_output=True, text=True
    )
    return json.loads(run.stdout)


@pytest.mark.long
def test_ten_million_events_would_take_three_minutes_at_most(tmp_path: Path) -> None:
    """The work of a world that does not depend on its events is measured apart and not scaled."""
    fixed = measured(tmp_path / "small", 10_000)
    whole = measured(tmp_path / "large", EVENTS)

    a_million = (whole["cpu_seconds"] - fixed["cpu_seconds"]) * 1_000_000 / (whole["events"] - fixed["events"])
    ten_million = fixed["cpu_seconds"] + 10 * a_million
    print(f"CPU: fixed {fixed['cpu_seconds']:.1f} s, a million events {a_million:.1f} s, ten {ten_million:.0f} s")
    print(f"a million took {whole['seconds']:.1f} s; peak {whole['peak_bytes'] / 1024**2:.0f} MB")
    assert whole["events"] > 0.9 * EVENTS
    assert ten_million <= MOST_SECONDS
    # A day is what stays in memory, so memory grows by the day's share.
    assert fixed["peak_bytes"] + 10 * max(whole["peak_bytes"] - fixed["peak_bytes"], 0) <= PEAK_BYTES


@pytest.mark.long
def test_a_finished_folder_is_recognised_at_once(tmp_path: Path) -> None:
    measured(tmp_path / "drop", 10_000)

    begun = time.monotonic()
    simulate(tmp_path / "drop", events=10_000, until=date(2026, 10, 31))
    assert time.monotonic() - begun < 1.0
