"""The served processes: they answer, and they end whole, with nothing that outlives the word "stopped"."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.contracts import CONTRACTS
from orchestration.serving import Child, keep_running
from warehouse.errors import SkillsmithError
from warehouse.settings import PROJECT_ROOT

# A child that ends at once and leaves a process behind whose memory takes the kernel a while to take apart.
LEAVES_ONE_BEHIND = """
import subprocess, sys
left = subprocess.Popen(
    [sys.executable, "-c", "held = b'x' * 500_000_000; print('held', flush=True); import time; time.sleep(300)"],
    stdout=subprocess.PIPE,
)
left.stdout.readline()
open(sys.argv[1], "w").write(str(left.pid))
"""


def test_the_dashboards_are_served_and_stop_when_told(tmp_path: Path) -> None:
    port = free_port()
    with served("dashboard", "--home", str(tmp_path / "home"), "--port", str(port)) as process:
        assert answer(process, f"http://localhost:{port}/_stcore/health") == "ok"
        assert_stops_whole(process)


@pytest.mark.long
def test_dev_serves_dagster_and_the_dashboards_and_stops_whole(tmp_path: Path) -> None:
    port, dagster_port = free_port(), free_port()
    home = ("--home", str(tmp_path / "home"))
    with served("dev", *home, "--port", str(port), "--dagster-port", str(dagster_port)) as process:
        assert answer(process, f"http://localhost:{port}/_stcore/health") == "ok"
        address = f"http://localhost:{dagster_port}"
        assert "dagster_webserver_version" in answer(process, f"{address}/server_info")
        asked = {"query": "{ assetNodes { id } repositoriesOrError { ... on RepositoryConnection { nodes { "
                          "schedules { name scheduleState { status } } sensors { name sensorState { status } } "
                          "} } } }"}  # fmt: skip
        told = json.loads(answer(process, f"{address}/graphql", asked))["data"]
        assert len(told["assetNodes"]) > len(CONTRACTS)
        [repository] = told["repositoriesOrError"]["nodes"]
        assert repository["schedules"] == [
            {"name": name, "scheduleState": {"status": "RUNNING"}} for name in ("daily_refresh", "retention")
        ]
        assert repository["sensors"] == [{"name": "new_files", "sensorState": {"status": "RUNNING"}}]
        assert_stops_whole(process)


def test_what_a_child_leaves_behind_has_ended_when_the_others_are_stopped(tmp_path: Path) -> None:
    told = tmp_path / "left"
    child = Child("one", [sys.executable, "-c", LEAVES_ONE_BEHIND, str(told)], os.environ)
    with pytest.raises(SkillsmithError, match="one stopped with exit code 0"):
        keep_running([child])
    assert not is_alive(int(told.read_text()))


@contextlib.contextmanager
def served(*arguments: str) -> Iterator[subprocess.Popen[str]]:
    """The command as a process of its own, killed with all its children where the test leaves it running."""
    process = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", *arguments],
        env={**os.environ, "PYTHONPATH": str(PROJECT_ROOT), "SKILLSMITH_DEMO": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        for child in [*descendants(process.pid), process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        process.communicate()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return probe.getsockname()[1]


def answer(process: subprocess.Popen[str], address: str, body: dict[str, str] | None = None) -> str:
    """What a server says, as soon as it does."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"Content-Type": "application/json"})
    until = time.monotonic() + 180
    while time.monotonic() < until:
        assert process.poll() is None, process.stdout and process.stdout.read()
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=30) as response:
            return response.read().decode()
        time.sleep(0.3)
    raise AssertionError(f"{address} did not answer")


def assert_stops_whole(process: subprocess.Popen[str]) -> None:
    """SIGTERM ends the command and everything that it started."""
    children = descendants(process.pid)
    assert children
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.rstrip().endswith("stopped")
    assert "Traceback" not in said
    assert [child for child in children if is_alive(child)] == []


def descendants(pid: int) -> list[int]:
    """The processes below a process, from /proc."""
    below: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            below.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [pid]
    while waiting:
        children = below.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be collected does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
