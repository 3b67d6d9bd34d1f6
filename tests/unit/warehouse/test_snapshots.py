"""The folder of published snapshots: what is kept, what goes, what is on the disk before a reader is sent there."""

import os
from datetime import datetime
from pathlib import Path

import pytest

from warehouse import snapshots
from warehouse.access import Attempt
from warehouse.snapshots import Pointer


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "published"
    made.mkdir()
    return made


def put(folder: Path, *names: str) -> None:
    """Snapshots as a publisher leaves them."""
    for name in names:
        for path in files_of(folder, name):
            path.write_bytes(b"whole")


def files_of(folder: Path, name: str) -> tuple[Path, Path, Path]:
    return (
        snapshots.metrics_file(folder, name),
        snapshots.people_file(folder, name),
        snapshots.lock_file(folder, name),
    )


def listed(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def names_of(folder: Path, *names: str) -> set[str]:
    return {path.name for name in names for path in files_of(folder, name)}


def test_the_newest_are_kept_and_of_the_others_those_that_somebody_reads(folder: Path) -> None:
    put(folder, "a", "b", "c", "d", "e")
    with snapshots.held(folder, "b") as is_there:
        assert is_there
        pruned = snapshots.prune(folder, Pointer("e", ("d", "c", "b", "a")), keep=2)
        assert pruned == Pointer("e", ("d", "c", "b"))
        assert listed(folder) == names_of(folder, "e", "d", "c", "b")
    assert snapshots.prune(folder, pruned, keep=2) == Pointer("e", ("d", "c"))
    assert listed(folder) == names_of(folder, "e", "d", "c")


def test_what_the_pointer_does_not_name_is_swept_and_what_readers_look_at_stays(folder: Path) -> None:
    pointer = Pointer("c", ("b",))
    put(folder, "a", "b", "c", "half", "read")
    snapshots.metrics_file(folder, "half").unlink()
    for name in (".d.metrics.tmp", ".d.metrics.tmp.wal", ".current.json.tmp"):
        (folder / name).write_bytes(b"half")
    snapshots.write_pointer(folder, pointer)
    snapshots.write_attempt(folder, Attempt(datetime(2026, 3, 10, 6), "published", []))
    state = {"current.json", "attempt.json"}

    with snapshots.held(folder, "read"):
        snapshots.sweep(folder, pointer)
        assert listed(folder) == names_of(folder, "b", "c", "read") | state
    snapshots.sweep(folder, pointer)
    assert listed(folder) == names_of(folder, "b", "c") | state
    # Before the first snapshot nothing is named.
    snapshots.sweep(folder, None)
    assert listed(folder) == state


def test_two_may_hold_a_snapshot_and_the_last_of_them_lets_it_go(folder: Path) -> None:
    put(folder, "a", "b")
    first, second = snapshots.hold(folder, "a"), snapshots.hold(folder, "a")
    assert first is not None
    assert second is not None
    for descriptor in (first, second):
        assert snapshots.prune(folder, Pointer("b", ("a",)), keep=0) == Pointer("b", ("a",))
        os.close(descriptor)
    assert snapshots.prune(folder, Pointer("b", ("a",)), keep=0) == Pointer("b")


def test_a_snapshot_that_is_gone_is_not_held_and_nobody_waits_for_it(folder: Path) -> None:
    assert snapshots.hold(folder, "a") is None
    # A pruner that was at it had its lock before its files went.
    put(folder, "a")
    snapshots.metrics_file(folder, "a").unlink()
    assert snapshots.hold(folder, "a") is None
    assert snapshots.prune(folder, Pointer("b", ("a",)), keep=0) == Pointer("b")


def test_a_pointer_is_whole_on_the_disk_before_it_is_the_current_one(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshots.write_pointer(folder, Pointer("a"))
    done: list[tuple[str, str, Pointer | None]] = []
    sync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        sync(descriptor)
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        done.append(("synced", path.name, snapshots.read_pointer(folder)))
        if path.is_file():
            assert '"b"' in path.read_text()

    def replaced(path: Path, target: Path) -> Path:
        done.append(("replaced", target.name, snapshots.read_pointer(folder)))
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", replaced)
    snapshots.write_pointer(folder, Pointer("b", ("a",)))

    assert done == [
        ("synced", ".current.json.tmp", Pointer("a")),
        ("replaced", "current.json", Pointer("a")),
        ("synced", "published", Pointer("b", ("a",))),
    ]
