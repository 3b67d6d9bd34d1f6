"""What a live source gives the importer: windows of rows in files, each with the cursor that it reaches."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

from ingest.contracts import Contract


@dataclass(frozen=True, slots=True)
class Window:
    """Rows of one entity that a live source has delivered into a file.

    `path` is a whole .ndjson or .csv file (with header), optionally .gz, in the spool folder that the source was
    given. `name` is what the ledger calls it, unique for ever (`live/registry/events/...`). `cursor_after` is where
    the next run goes on once the window has landed; None leaves the cursor. `rows_claimed` is how many rows the source
    says the window holds. `refused_from`: from so many rows on a window of which every row is bad for the same reason
    (of 1, for whatever reason) is refused, because the source has changed; of fewer, bad rows go to the quarantine and
    hold up nothing, and so do rows that lack a required value.
    """

    contract: Contract
    path: Path
    name: str
    cursor_before: str | None = None
    cursor_after: str | None = None
    rows_claimed: int | None = None
    refused_from: int = 20


class LiveSource(Protocol):
    """A live system. Its methods raise TransientError for what passes by itself, UsageError for a wrong setting."""

    name: str
    """The source's name in the contracts, such as `registry`."""

    entities: tuple[str, ...]
    """The contracts it delivers, such as `registry/events`, in the order of import."""

    starts_once: bool
    """Whether its first reading makes history from the present, so that another one would write it anew."""

    def windows(self, contract: Contract, cursor: str | None, spool: Path) -> Iterator[Window]:
        """Everything that is new since `cursor` (None: everything), in windows of bounded size.

        A window is yielded when it is complete; one that fails is never yielded, and the next run begins with it.
        """
        ...

    def backfill(self, contract: Contract, since: datetime, until: datetime, spool: Path) -> Iterator[Window]:
        """Everything from `since` to `until` (UTC) again, in windows without cursors.

        Raises UsageError where the source has no history to give.
        """
        ...

    def close(self) -> None:
        """Let go of connections; safe to repeat."""
        ...
