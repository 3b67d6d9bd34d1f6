"""Reading what is published: the only door, and every read through it is somebody's.

A `Viewer` is who reads; `open_reader` gives a `Reader` that answers with the viewer's own rows and nothing
else. What a viewer may name is in `warehouse.visibility`, small groups in `warehouse.small_groups`, the two
engines in `warehouse.room` and `warehouse.postgres_reader`. Nothing above this package reads published data in
any other way.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, Literal, Protocol

import pyarrow as pa

from warehouse.settings import Settings


class Role(StrEnum):
    """What a viewer is; which tables each may name is in `warehouse.visibility`."""

    OPERATOR = "operator"
    EXECUTIVE = "executive"
    DATA_ENGINEER = "data_engineer"
    TEAM_LEAD = "team_lead"
    MEMBER = "member"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who reads. `operator` is whoever runs the command on the machine itself and sees every row.

    actor_key: the pseudonym under which the viewer's own events stand, where they have any; person-level rows are shown
    to nobody but the person themselves.
    """

    who: str
    role: Role
    account_ids: frozenset[str] = frozenset()
    team_ids: frozenset[str] = frozenset()
    actor_key: str | None = None


OPERATOR = Viewer("operator", Role.OPERATOR)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One published state of every table. Times are UTC without a zone; `data_until` is the last day it covers,
    None where there is no data."""

    snapshot_id: str
    published_at: datetime
    as_of: datetime
    data_until: date | None
    engine: Literal["duckdb", "postgres"]
    checks_passed: int
    checks_warned: int


STALE_AFTER = timedelta(hours=26)
"""A daily refresh at 06:00 UTC is at most 24 h old, and may take two."""


def is_stale(as_of: datetime, now: datetime) -> bool:
    """Whether a snapshot is older than a daily refresh leaves it. Times without a zone are UTC."""
    known = as_of.replace(tzinfo=UTC) if as_of.tzinfo is None else as_of
    return now - known > STALE_AFTER


@dataclass(frozen=True, slots=True)
class Attempt:
    """The last try to publish. `failed` holds check_name, table_name and reason of what stood in the way."""

    at: datetime
    outcome: Literal["published", "refused"]
    failed: list[dict[str, str]] = field(default_factory=list)


class Reader(Protocol):
    """Reads the newest snapshot; a new one shows at the next call. Safe to share between threads."""

    def snapshot(self) -> Snapshot:
        """The current snapshot; raises NotPublishedError before the first."""
        ...

    def last_attempt(self) -> Attempt | None:
        """The last try to publish, also where it was refused; None before the first."""
        ...

    def columns(self) -> Mapping[str, Mapping[str, str]]:
        """The tables of PUBLISHED in the current snapshot by `schema.table`, each with its columns and their types.

        A table that a newer version adds is missing until that has published. Raises NotPublishedError before the
        first snapshot.
        """
        ...

    def query(
        self, sql: str, viewer: Viewer, tables: Sequence[str], parameters: Mapping[str, Any] | None = None
    ) -> pa.Table:
        """Run one SELECT over the viewer's rows of `tables` ("metrics.team_activity"), values bound as `$name`.

        Tables that are small-group protected have two columns more for every viewer but the operator:
        `is_suppressed` and, where they have a share, `adoption_band`. Raises AccessError for a table the viewer
        may not read and for anything but one SELECT, UsageError where the SELECT itself is wrong, NotPublishedError
        before the first snapshot and for a table that it does not have.
        """
        ...


@contextmanager
def open_reader(settings: Settings) -> Iterator[Reader]:
    """A reader of the installation's published data; one a process is enough."""
    if settings.engine == "postgres":
        from warehouse.postgres_reader import PostgresReader

        with PostgresReader(settings) as reader:
            yield reader
    else:
        from warehouse.room import SnapshotReader

        with SnapshotReader(settings) as reader:
            yield reader
