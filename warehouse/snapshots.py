"""The folder of published snapshots: names, the pointer, locks, pruning. No engine in here.

A snapshot is `<id>.metrics.duckdb`, `<id>.people.duckdb` and `<id>.lock`. `current.json` names the one to read
and those that are kept. A reader holds a shared lock on `<id>.lock` as long as it has the files open; pruning
takes it exclusively and gives up where it cannot. Whatever the pointer does not name was left by a killed
publisher and goes at the next publish.
"""

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from warehouse.access import Attempt
from warehouse.errors import NotPublishedError, StorageError

POINTER = "current.json"
ATTEMPT = "attempt.json"


@dataclass(frozen=True, slots=True)
class Pointer:
    """What `current.json` says: the snapshot to read, and the kept ones before it, newest first."""

    snapshot_id: str
    kept: tuple[str, ...] = ()


@contextmanager
def storage_errors(path: Path) -> Iterator[None]:
    """Turn what the operating system says about `path` into a StorageError with a way out."""
    try:
        yield
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}; free some space or check its permissions, and try again"
        ) from error


def new_snapshot_id() -> str:
    """An id that sorts by time and never repeats."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{secrets.token_hex(3)}"


def metrics_file(folder: Path, snapshot_id: str) -> Path:
    """The file of every published table without persons."""
    return folder / f"{snapshot_id}.metrics.duckdb"


def people_file(folder: Path, snapshot_id: str) -> Path:
    """The file of the person-level tables."""
    return folder / f"{snapshot_id}.people.duckdb"


def lock_file(folder: Path, snapshot_id: str) -> Path:
    """The file that readers lock while they have the snapshot open."""
    return folder / f"{snapshot_id}.lock"


def read_pointer(folder: Path) -> Pointer | None:
    """The current pointer, or None before the first snapshot."""
    with _whole(folder / POINTER) as content:
        return Pointer(content["snapshot_id"], tuple(content.get("kept", ()))) if content is not None else None


def require_pointer(folder: Path) -> Pointer:
    """The current pointer; raises NotPublishedError before the first snapshot."""
    pointer = read_pointer(folder)
    if pointer is None:
        raise NotPublishedError("nothing is published yet; run `skillsmith-analytics refresh` first")
    return pointer


def write_pointer(folder: Path, pointer: Pointer) -> None:
    """Make `pointer` the current one in a single step that survives a crash."""
    _replace(folder / POINTER, {"snapshot_id": pointer.snapshot_id, "kept": list(pointer.kept)})


def read_attempt(folder: Path) -> Attempt | None:
    """The last try to publish, or None before the first."""
    with _whole(folder / ATTEMPT) as content:
        if content is None:
            return None
        return Attempt(datetime.fromisoformat(content["at"]), content["outcome"], content["failed"])


@contextmanager
def _whole(path: Path) -> Iterator[dict[str, Any] | None]:
    """What a file of ours says, None where it is not there; StorageError where it cannot be read or is damaged."""
    try:
        yield json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        yield None
    except OSError as error:
        raise StorageError(f"cannot read {path}: {error.strerror}; check --home and its permissions") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path} is damaged; move it aside and run `skillsmith-analytics refresh`") from error


def write_attempt(folder: Path, attempt: Attempt) -> None:
    """Record a try to publish where readers see it."""
    _replace(
        folder / ATTEMPT, {"at": attempt.at.isoformat(), "outcome": attempt.outcome, "failed": list(attempt.failed)}
    )


def sync_file(path: Path) -> None:
    """Have the disk itself hold a file."""
    _sync(path, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Have the disk itself hold a folder's names."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


@contextmanager
def held(folder: Path, snapshot_id: str) -> Iterator[bool]:
    """Hold a snapshot against pruning; gives False where it is already gone."""
    descriptor = hold(folder, snapshot_id)
    try:
        yield descriptor is not None
    finally:
        if descriptor is not None:
            os.close(descriptor)


def hold(folder: Path, snapshot_id: str) -> int | None:
    """Take the shared lock of a snapshot; the descriptor to close at the end, or None where it is gone."""
    try:
        descriptor = os.open(lock_file(folder, snapshot_id), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    fcntl.flock(descriptor, fcntl.LOCK_SH)
    # The pruner may have had it between our open and our lock.
    if not metrics_file(folder, snapshot_id).exists():
        os.close(descriptor)
        return None
    return descriptor


def sweep(folder: Path, pointer: Pointer | None) -> None:
    """Remove whatever the pointer does not name: what a killed publisher or an interrupted pruning left."""
    named = set() if pointer is None else {pointer.snapshot_id, *pointer.kept}
    for path in folder.iterdir():
        if path.name.startswith("."):
            path.unlink(missing_ok=True)
        elif path.name not in (POINTER, ATTEMPT) and path.name.split(".")[0] not in named:
            _remove(folder, path.name.split(".")[0])


def prune(folder: Path, pointer: Pointer, keep: int) -> Pointer:
    """Drop all but the `keep` newest kept snapshots, save those that somebody reads; the pointer afterwards."""
    in_use = [snapshot_id for snapshot_id in pointer.kept[keep:] if not _remove(folder, snapshot_id)]
    return Pointer(pointer.snapshot_id, (*pointer.kept[:keep], *in_use))


def _remove(folder: Path, snapshot_id: str) -> bool:
    """Delete a snapshot unless somebody holds it; whether it is gone."""
    lock = lock_file(folder, snapshot_id)
    descriptor = os.open(lock, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    else:
        for path in (metrics_file(folder, snapshot_id), people_file(folder, snapshot_id), lock):
            path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)


def _replace(path: Path, content: dict[str, Any]) -> None:
    staged = path.with_name(f".{path.name}.tmp")
    with staged.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    staged.replace(path)
    sync_folder(path.parent)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
