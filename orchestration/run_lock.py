"""One run at a time in one home: import, build, check and publish of another run must not come in between."""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from warehouse.errors import StorageError, WarehouseBusyError
from warehouse.settings import Settings

_log = logging.getLogger(__name__)
_held: set[str] = set()
# Shorter waits are not worth a line.
_SILENT_SECONDS = 3.0


@contextmanager
def run_lock(settings: Settings, *, wait_seconds: float | None = None) -> Iterator[None]:
    """Hold the home's run lock; within one process it may be taken again.

    A process that dies lets go of it. Raises WarehouseBusyError where another process keeps it longer than
    `wait_seconds`, or than the settings have it.
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
        _take(descriptor, settings.wait_seconds if wait_seconds is None else wait_seconds, str(settings.home))
        _held.add(str(path))
        try:
            yield
        finally:
            _held.discard(str(path))
    finally:
        os.close(descriptor)


def _take(descriptor: int, wait_seconds: float, home: str) -> None:
    begun = time.monotonic()
    is_told = False
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            waited = time.monotonic() - begun
            if waited >= wait_seconds:
                raise WarehouseBusyError(
                    f"another run is writing in {home}; wait until it ends, or stop it, and try again"
                ) from error
            if waited >= _SILENT_SECONDS and not is_told:
                is_told = True
                _log.warning("another run is writing in %s; waiting for it up to %.0f seconds", home, wait_seconds)
            time.sleep(0.1)
