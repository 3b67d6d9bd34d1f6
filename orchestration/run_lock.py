"""One run at a time in a home and in a database: import, build, check and publish of another must not come between."""

import fcntl
import logging
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager

from warehouse import open_warehouse
from warehouse.errors import StorageError, WarehouseBusyError
from warehouse.settings import Settings

_log = logging.getLogger(__name__)
_held: set[str] = set()
# Shorter waits are not worth a line.
_SILENT_SECONDS = 3.0


@contextmanager
def run_lock(settings: Settings, *, wait_seconds: float | None = None) -> Iterator[None]:
    """Hold the run lock of the home and of its server's database; within one process it may be taken again.

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
        wait = settings.wait_seconds if wait_seconds is None else wait_seconds
        begun = time.monotonic()
        _take(descriptor, wait, str(settings.home))
        with open_warehouse(settings) as warehouse, warehouse.alone(max(0.0, wait - (time.monotonic() - begun))):
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
