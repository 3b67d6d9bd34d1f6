"""Ctrl-C is obeyed though a library took it: engines make an error of it, and callbacks of theirs lose it.

Python tells a pipe of every signal that arrives, whoever handles it; what that pipe has heard is asked before each
step, and when a command ends with an error.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_heard: set[int] = set()
_reading: int | None = None


@contextmanager
def listening() -> Iterator[None]:
    """Hear of signals inside; does nothing outside of the main thread, which alone is told of them."""
    global _reading
    if _reading is not None or threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    for end in (reading, writing):
        os.set_blocking(end, False)
    before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    _reading = reading
    _heard.clear()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        _reading = None
        for end in (reading, writing):
            os.close(end)


def has_come() -> bool:
    """Whether Ctrl-C was pressed since the command began."""
    if _reading is not None:
        with suppress(BlockingIOError):
            _heard.update(os.read(_reading, 4096))
    return signal.SIGINT in _heard


def obey() -> None:
    """Raise KeyboardInterrupt where Ctrl-C was pressed and nobody has obeyed it."""
    if has_come():
        raise KeyboardInterrupt
