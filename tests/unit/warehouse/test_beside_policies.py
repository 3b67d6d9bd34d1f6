"""What is done where TimescaleDB's own policies work on a table at the same moment."""

from contextlib import nullcontext
from datetime import datetime
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from warehouse import postgres, timescale
from warehouse.errors import StorageError, TransientError
from warehouse.postgres import known_errors

BUSY = psycopg.errors.LockNotAvailable("could not refresh continuous aggregate due to a concurrent refresh")


class Answers:
    """A writer whose statements end as given, one after the other."""

    def __init__(self, *ends: Exception | None) -> None:
        self._ends = list(ends)

    def execute(self, _statement: str, _parameters: Any = ()) -> int:
        end = self._ends.pop(0)
        with known_errors() if end else nullcontext():
            if end:
                raise end
        return -1

    @property
    def left(self) -> int:
        return len(self._ends)


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(postgres.time, "sleep", waited.append)
    return waited


def refresh(writer: Answers) -> None:
    postgres._refresh(writer, "call refresh")  # pyright: ignore[reportArgumentType, reportPrivateUsage]


def test_a_rollup_that_its_policy_is_at_is_tried_again(waits: list[float]) -> None:
    writer = Answers(BUSY, BUSY, None)
    refresh(writer)
    assert (writer.left, len(waits)) == (0, 2)
    with pytest.raises(TransientError, match="by its policy"):
        refresh(Answers(*[BUSY] * 30))


def test_only_what_one_may_not_do_is_left_to_the_policy() -> None:
    refresh(Answers(psycopg.errors.InsufficientPrivilege("must be owner of view requests_by_minute")))
    with pytest.raises(StorageError, match="out of space"):
        refresh(Answers(psycopg.errors.DiskFull("could not extend file")))
    with pytest.raises(TransientError, match="could not do it now"):
        refresh(Answers(psycopg.errors.AdminShutdown("terminating connection")))


class ServersOwnError(psycopg.errors.InternalError_):
    """An error of a server that speaks German, from a place in its source."""

    def __init__(self, place: str) -> None:
        super().__init__("Tupel gleichzeitig aktualisiert")
        self._place = place

    @property
    def diag(self) -> Any:
        return SimpleNamespace(source_function=self._place)


def give_rights(*ends: Exception | None) -> list[Exception | None]:
    """Those of the ends that are left after rights were given."""
    left = list(ends)

    def prepare(_connection: object) -> None:
        if end := left.pop(0):
            raise end

    postgres._give_rights(prepare, None)  # pyright: ignore[reportArgumentType, reportPrivateUsage]
    return left


def test_rights_are_given_again_where_a_policy_changed_a_table_whatever_the_servers_language() -> None:
    assert give_rights(ServersOwnError("simple_heap_update"), ServersOwnError("simple_heap_delete"), None) == []
    with pytest.raises(ServersOwnError):
        give_rights(ServersOwnError("heap_fetch"), None)


@pytest.mark.parametrize(
    ("version", "is_told"), [("2.23.0", False), ("2.27.1", False), ("2.28.0", True), ("3.0", True)]
)
def test_a_range_is_refreshed_in_one_transaction(version: str, is_told: bool) -> None:
    rollup = timescale.rollups()[0]
    call = timescale.refresh_rollup(rollup, datetime(2026, 2, 1, 5, 30), datetime(2026, 2, 3), version)
    assert call.startswith(
        "call refresh_continuous_aggregate('rollups.requests_by_minute', '2026-02-01 05:00:00+00'::timestamptz, "
        "'2026-02-03 01:00:00+00'::timestamptz"
    )
    assert call.endswith(""", options => '{"buckets_per_batch": 0}')""") == is_told
