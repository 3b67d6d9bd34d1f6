"""A publisher that is killed at any moment, and readers that never notice."""

import errno
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.integration.published_world import AS_OF, build
from warehouse import snapshots
from warehouse.access import OPERATOR, open_reader
from warehouse.duckdb import DuckDBWarehouse
from warehouse.errors import StorageError
from warehouse.publish import publish
from warehouse.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
SQL = (
    "select (select snapshot_id from metrics.snapshot) as snapshot_id, "
    "(select min(uses) from metrics.team_activity) as a, (select max(uses) from metrics.team_activity) as b, "
    "(select max(closing_cents) from metrics.mrr_bridge) as c, (select count(*) from metrics.mrr_bridge) as n"
)
TABLES = ["metrics.snapshot", "metrics.team_activity", "metrics.mrr_bridge"]

# Forks a publisher for every line it reads and kills it after that many seconds, or lets it end a round ("once").
PUBLISHER = """
import os, signal, sys, time
from tests.integration.published_world import AS_OF
from warehouse.duckdb import DuckDBWarehouse
from warehouse.publish import publish
from warehouse.settings import load_settings

def one_round(warehouse):
    # Every round has its own mark, the same in every table.
    with warehouse.write() as writer, writer.transaction():
        for table, column in (("team_activity", "uses"), ("team_skill_usage", "uses"), ("mrr_bridge", "closing_cents")):
            writer.execute(f"update build.{table} set {column} = {column} + 1")
    publish(warehouse, build_id="b1", as_of=AS_OF)

print("ready", flush=True)
for line in sys.stdin:
    child = os.fork()
    if child == 0:
        warehouse = DuckDBWarehouse(load_settings(home=sys.argv[1], snapshots_kept=2))
        one_round(warehouse)
        while line != "once\\n":
            one_round(warehouse)
        os._exit(0)
    if line != "once\\n":
        time.sleep(float(line))
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    print("done", flush=True)
"""

# Reads for ever; prints every distinct answer once, with the number of reads at the end.
READER = """
import json, sys, time
from tests.integration.test_publish_kills import SQL, TABLES
from warehouse.access import OPERATOR, open_reader
from warehouse.settings import load_settings

stop = sys.argv[2]
seen, reads = set(), 0
import pathlib
with open_reader(load_settings(home=sys.argv[1], snapshots_kept=2)) as reader:
    while not pathlib.Path(stop).exists():
        if reads == 1:
            print("ready", flush=True)
        row = reader.query(SQL, OPERATOR, TABLES).to_pylist()[0]
        reads += 1
        seen.add((row["snapshot_id"], row["a"], row["b"], row["c"], row["n"]))
        time.sleep(0.02)
print(json.dumps({"reads": reads, "seen": sorted(seen)}))
"""


def start(code: str, *arguments: str) -> subprocess.Popen:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def tell(publisher: subprocess.Popen, line: str) -> None:
    assert publisher.stdin is not None
    assert publisher.stdout is not None
    publisher.stdin.write(line + "\n")
    publisher.stdin.flush()
    assert publisher.stdout.readline() == "done\n"


def kill_and_read(settings, kills: int) -> None:
    warehouse = DuckDBWarehouse(settings)
    warehouse.initialise()
    build(warehouse, "b1", mark=1)
    publish(warehouse, build_id="b1", as_of=AS_OF)
    stop = settings.home / "stop"
    publisher = start(PUBLISHER, str(settings.home))
    readers = [start(READER, str(settings.home), str(stop)) for _ in range(2)]
    chance = random.Random(7)
    try:
        for process in (publisher, *readers):
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
        before = time.perf_counter()
        tell(publisher, "once")
        round_seconds = time.perf_counter() - before
        for _ in range(kills):
            tell(publisher, str(chance.uniform(0.0, 1.5 * round_seconds)))
    finally:
        stop.touch()
        publisher.communicate(timeout=60)
        answers = [reader.communicate(timeout=60)[0] for reader in readers]
    marks: dict[str, tuple] = {}
    for reader, answer in zip(readers, answers, strict=True):
        assert reader.returncode == 0
        result = json.loads(answer)
        assert result["reads"] > 0
        for snapshot_id, low, high, cents, months in result["seen"]:
            # One snapshot has one mark in all its tables, in both processes, for ever.
            assert low == high == cents
            assert months == 3
            assert marks.setdefault(snapshot_id, (low, months)) == (low, months)
    assert len(marks) > 1

    # The next publish finds its way and leaves only what the pointer names.
    last = publish(warehouse, build_id="b1", as_of=AS_OF)
    with open_reader(settings) as reader:
        assert reader.query(SQL, OPERATOR, TABLES)["snapshot_id"].to_pylist() == [last.snapshot_id]
    pointer = snapshots.read_pointer(settings.published_folder)
    named = {pointer.snapshot_id, *pointer.kept}
    for path in settings.published_folder.iterdir():
        assert path.name in ("current.json", "attempt.json") or path.name.split(".")[0] in named


def test_a_publisher_killed_four_times_never_shows_a_mix(settings):
    kill_and_read(settings, 4)


@pytest.mark.long
def test_a_publisher_killed_a_hundred_times_never_shows_a_mix(settings):
    kill_and_read(settings, 100)


def test_what_a_kill_left_is_swept_at_the_next_publish(duckdb_warehouse, settings):
    build(duckdb_warehouse, "b1")
    publish(duckdb_warehouse, build_id="b1", as_of=AS_OF)
    folder = settings.published_folder
    left = [".20260101-x.metrics.tmp", ".20260101-x.metrics.tmp.wal", "20260101-x.metrics.duckdb", "20260101-x.lock"]
    for name in left:
        (folder / name).write_bytes(b"half")
    publish(duckdb_warehouse, build_id="b1", as_of=AS_OF)
    assert not [name for name in left if (folder / name).exists()]


def test_a_snapshot_that_somebody_reads_is_never_pruned(tmp_path):
    settings = load_settings(home=tmp_path / "home", snapshots_kept=1)
    warehouse = DuckDBWarehouse(settings)
    warehouse.initialise()
    build(warehouse, "b1")
    first = publish(warehouse, build_id="b1", as_of=AS_OF)
    folder = settings.published_folder
    with snapshots.held(folder, first.snapshot_id) as is_there:
        assert is_there
        for _ in range(4):
            last = publish(warehouse, build_id="b1", as_of=AS_OF)
        assert snapshots.metrics_file(folder, first.snapshot_id).exists()
    publish(warehouse, build_id="b1", as_of=AS_OF)
    assert not snapshots.metrics_file(folder, first.snapshot_id).exists()
    assert snapshots.metrics_file(folder, last.snapshot_id).exists()
    assert len(list(folder.glob("*.metrics.duckdb"))) == 2


def test_a_snapshot_is_on_the_disk_under_its_name_before_the_pointer_says_so(duckdb_warehouse, settings, monkeypatch):
    build(duckdb_warehouse, "b1")
    done = []
    sync, rename, replace = os.fsync, Path.rename, Path.replace

    def name_of(path):
        return ".".join(path.name.removeprefix(".").split(".")[-2:]) if path.is_file() else "folder"

    def synced(descriptor):
        sync(descriptor)
        done.append(f"{name_of(Path(f'/proc/self/fd/{descriptor}').readlink())} synced")

    def renamed(path, target):
        # Whoever finds it can hold it.
        assert (target.parent / f"{target.name.split('.')[0]}.lock").exists()
        rename(path, target)
        done.append(f"{name_of(target)} named")

    def replaced(path, target):
        replace(path, target)
        done.append(f"{target.name} replaced")

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "rename", renamed)
    monkeypatch.setattr(Path, "replace", replaced)
    publish(duckdb_warehouse, build_id="b1", as_of=AS_OF)

    pointed = done.index("current.json replaced")
    for kind in ("metrics", "people"):
        assert done.index(f"{kind}.tmp synced") < done.index(f"{kind}.duckdb named") < pointed
    assert "folder synced" in done[max(done.index(f"{kind}.duckdb named") for kind in ("metrics", "people")) : pointed]


def test_the_kept_ones_are_the_newest_and_a_publisher_without_room_leaves_them_as_they_are(tmp_path, monkeypatch):
    settings = load_settings(home=tmp_path / "home", snapshots_kept=2)
    warehouse = DuckDBWarehouse(settings)
    warehouse.initialise()
    build(warehouse, "b1")
    _, second, third, fourth = (publish(warehouse, build_id="b1", as_of=AS_OF).snapshot_id for _ in range(4))
    folder = settings.published_folder
    pointer = snapshots.Pointer(fourth, (third, second))
    kept = sorted(path.name for path in folder.iterdir() if path.name != "attempt.json")
    assert snapshots.read_pointer(folder) == pointer
    assert kept == sorted(
        [f"{name}.{part}" for name in (second, third, fourth) for part in ("lock", "metrics.duckdb", "people.duckdb")]
        + ["current.json"]
    )

    def full(path):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "sync_file", full)
        with pytest.raises(StorageError, match="No space left"):
            publish(warehouse, build_id="b1", as_of=AS_OF)
    assert snapshots.read_pointer(folder) == pointer
    assert sorted(path.name for path in folder.iterdir() if path.name != "attempt.json") == kept


def test_an_open_writer_does_not_block_readers_and_does_not_show_through(duckdb_warehouse, settings):
    build(duckdb_warehouse, "b1", mark=1)
    publish(duckdb_warehouse, build_id="b1", as_of=AS_OF)
    with open_reader(settings) as reader, duckdb_warehouse.write() as writer:
        writer.execute("update build.team_activity set uses = 99")
        got = reader.query(SQL, OPERATOR, TABLES).to_pylist()[0]
        assert (got["a"], got["b"]) == (1, 1)
