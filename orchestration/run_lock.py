"""One run at a time in one home: import, build, check and publish of another run must not come in between."""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from warehouse.errors import StorageError, WarehouseBusyError
from warehouse.settings import Settings

_held: set[str] = set()


@contextmanager
def run_lock(settings: Settings, *, wait_seconds: float = 3.0) -> Iterator[None]:
    """Hold the home's run lock; within one process it may be taken again.

    A process that dies lets go of it. Raises WarehouseBusyError where another process keeps it longer than
    `wait_seconds`.
    """
    path = settings.home / "run.lock"
    if str(path) in _held:
        yield
        return
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StorageError(f"cannot write {path}: {error.strerror}; check SKILLSMITH_HOME") from error
    try:
        _take(descriptor, wait_seconds, str(settings.home))
        _held.add(str(path))
        try:
            yield
        finally:
            _held.discard(str(path))
    finally:
        os.close(descriptor)


def _take(descriptor: int, wait_seconds: float, home: str) -> None:
    until = time.monotonic() + wait_seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= until:
                raise WarehouseBusyError(
                    f"another run is writing in {home}; wait until it ends, or stop it, and try again"
                ) from error
            time.sleep(0.1)
