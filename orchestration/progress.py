"""What a person sees while steps run: one line a thing done, with its rows and seconds.

Lines go to standard error, so that standard output stays for answers a machine reads. On a terminal a spinner names
what is running; elsewhere there are only the lines.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol


def number_of(number: int, one: str) -> str:
    """A number and what it counts, in the singular or the plural: 1 row, 1,234 rows."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


class Progress(Protocol):
    """Where steps report to."""

    def line(self, name: str, *, rows: int | None = None, seconds: float | None = None, note: str = "") -> None:
        """One thing is done."""
        ...

    def step(self, name: str) -> Any:
        """A context manager around one step; what it yields takes `rows` and `note` for the closing line."""
        ...

    def share(self, what: str, done: int, total: int) -> None:
        """So much of a long step is done."""
        ...

    def warn(self, message: str) -> None:
        """Something went wrong that does not stop the run."""
        ...


class Closing:
    """What the closing line of a step says beside its seconds."""

    def __init__(self) -> None:
        self.rows: int | None = None
        self.note = ""


class Silence:
    """Reports nothing: for `--json` and for runs that Dagster records."""

    def line(self, name: str, *, rows: int | None = None, seconds: float | None = None, note: str = "") -> None:
        """Say nothing."""

    @contextmanager
    def step(self, name: str) -> Iterator[Closing]:  # noqa: ARG002
        """Say nothing."""
        yield Closing()

    def share(self, what: str, done: int, total: int) -> None:
        """Say nothing."""

    def warn(self, message: str) -> None:
        """Warnings are said in every case."""
        print(f"warning: {message}", file=sys.stderr)


class Terminal:
    """Reports to standard error."""

    def __init__(self) -> None:
        self._status: Any = None
        self._is_terminal = sys.stderr.isatty()

    def line(self, name: str, *, rows: int | None = None, seconds: float | None = None, note: str = "") -> None:
        """One thing is done: its name, rows and seconds in columns."""
        counted = "" if rows is None else number_of(rows, "row")
        took = "" if seconds is None else f"{seconds:.1f} s"
        self._print(f"  {name:<52} {counted:>18} {took:>9}  {note}".rstrip())

    @contextmanager
    def step(self, name: str) -> Iterator[Closing]:
        """Name the step while it runs, and what it came to when it ends."""
        closing = Closing()
        started = time.perf_counter()
        outer = self._status
        if self._is_terminal and outer is None:
            from rich.console import Console

            self._status = Console(stderr=True).status(name)
            self._status.start()
        elif not self._is_terminal:
            self._print(f"{name} ...")
        try:
            yield closing
        except BaseException:
            self._stop(outer)
            raise
        self._stop(outer)
        rows = "" if closing.rows is None else f", {number_of(closing.rows, 'row')}"
        note = f", {closing.note}" if closing.note else ""
        self._print(f"{name}: done in {time.perf_counter() - started:.1f} s{rows}{note}")

    def share(self, what: str, done: int, total: int) -> None:
        """Shown beside the spinner; where there is none, not at all."""
        if self._status is not None:
            self._status.update(f"{what} {done:,} of {total:,}")

    def warn(self, message: str) -> None:
        """A line that begins with `warning:`."""
        self._print(f"warning: {message}")

    def _print(self, text: str) -> None:
        if self._status is not None:
            self._status.console.print(text, markup=False, highlight=False, soft_wrap=True)
        else:
            print(text, file=sys.stderr, flush=True)

    def _stop(self, outer: Any) -> None:
        if self._status is not None and outer is None:
            self._status.stop()
            self._status = None
