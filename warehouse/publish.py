"""Make a checked build the one that readers see, in one step.

`publish` is the gate: it refuses a build whose blocking checks are not all passed, an older clock, and a build
that lacks a table; whatever it refuses is recorded where readers see it, and the last good snapshot stays. How
the switch is made is each engine's own: `warehouse.publish_duckdb`, `warehouse.publish_postgres`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Protocol

from warehouse import Warehouse, Writer
from warehouse.access import Attempt, Snapshot
from warehouse.causes import Causes, RawDay, known_causes
from warehouse.errors import BlockingChecksFailedError, SkillsmithError
from warehouse.published import PEOPLE, PUBLISHED
from warehouse.snapshots import new_snapshot_id


@dataclass(frozen=True, slots=True)
class Publication:
    """What is to be published: the snapshot's row and the build that it comes from."""

    snapshot: Snapshot
    build_id: str
    causes: Mapping[str, Causes]
    """Of each table what may have changed its numbers since the last publication."""


class Publisher(Protocol):
    """An engine's way to switch readers to a new snapshot."""

    def current(self) -> Snapshot | None:
        """The snapshot readers see now, or None before the first."""
        ...

    def switch(self, publication: Publication) -> None:
        """Make the build the current snapshot: all of it, or nothing."""
        ...

    def record(self, attempt: Attempt) -> None:
        """Show readers how the last try ended."""
        ...


def publish(
    warehouse: Warehouse,
    *,
    build_id: str,
    as_of: datetime,
    allow_older: bool = False,
    days: Mapping[str, RawDay] | None = None,
) -> Snapshot:
    """Publish a build and return the snapshot that readers now see.

    as_of: the build's clock, UTC. days: where raw tables have the day of their rows, by which deliveries of days long
    over are known. Raises BlockingChecksFailedError where a blocking check evaluated false, and
    SkillsmithError where one crashed, none ran, a table was not built, or `as_of` is older than what is published
    (unless allow_older). In each case the last snapshot stays and the attempt is recorded.
    """
    clock = as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of
    with warehouse.write() as writer:
        publisher = _publisher(warehouse, writer)
        try:
            passed, warned = _gate(writer, build_id)
            _require_tables(writer)
            current = publisher.current()
            try:
                require_newer(current, as_of, allow_older=allow_older)
            except SkillsmithError as error:
                raise _Refusal(error, "as_of") from None
        except _Refusal as refusal:
            publisher.record(Attempt(_now(), "refused", refusal.failed))
            raise refusal.error from None
        snapshot = Snapshot(
            snapshot_id=new_snapshot_id(),
            published_at=_now(),
            as_of=clock,
            data_until=_data_until(writer, clock),
            engine=warehouse.engine,
            checks_passed=passed,
            checks_warned=warned,
        )
        causes = {} if current is None else known_causes(writer, current, days or {})
        publisher.switch(Publication(snapshot, build_id, causes))
        publisher.record(Attempt(snapshot.published_at, "published", []))
    return snapshot


class _Refusal(Exception):  # noqa: N818 - it carries the error to raise, it is not one
    """Why a build is refused: the error to raise and the rows that readers see."""

    def __init__(self, error: SkillsmithError, check: str, failed: list[dict[str, str]] | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.failed = failed or [{"check_name": check, "table_name": "", "reason": str(error)}]


def _publisher(warehouse: Warehouse, writer: Writer) -> Publisher:
    if warehouse.engine == "postgres":
        from warehouse.publish_postgres import PostgresPublisher

        return PostgresPublisher(warehouse.settings, writer)
    from warehouse.publish_duckdb import SnapshotPublisher

    return SnapshotPublisher(warehouse.settings, writer)


def require_newer(published: Snapshot | None, as_of: datetime, *, allow_older: bool) -> None:
    """Raise SkillsmithError where `as_of` (UTC) is older than what is published and that is not meant."""
    clock = as_of.astimezone(UTC).replace(tzinfo=None) if as_of.tzinfo else as_of
    if published is not None and clock < published.as_of and not allow_older:
        raise SkillsmithError(
            f"as of {clock} is older than what is published, {published.as_of}; add --allow-older to go back in time"
        )


def _gate(writer: Writer, build_id: str) -> tuple[int, int]:
    """Checks passed and warnings of a build; refuses unless every blocking check of it passed."""
    rows = writer.fetch(
        "select check_name, table_name, border, severity, status, reason from ops.check_results where build_id = ? "
        "order by check_name, table_name",
        [build_id],
    )
    blocking = [row for row in rows if row["severity"] == "blocking"]
    # dbt's tests are results of every build, checked at its borders or not.
    if all(row["border"] == "dbt" for row in blocking):
        raise _Refusal(
            SkillsmithError(f"build {build_id} was not checked at its borders; run `skillsmith-analytics check` first"),
            "no checks",
        )
    bad = [row for row in blocking if row["status"] != "passed"]
    failed = [{name: row[name] or "" for name in ("check_name", "table_name", "reason")} for row in bad]
    crashed = [row for row in bad if row["status"] != "failed"]
    if crashed:
        raise _Refusal(
            SkillsmithError(f"not published: {_names(crashed)} did not run to its end; see the run's log"), "", failed
        )
    if bad:
        raise _Refusal(
            BlockingChecksFailedError(f"not published, blocking checks failed: {_names(bad)}; the last snapshot stays"),
            "",
            failed,
        )
    passed = sum(row["status"] == "passed" for row in rows)
    warned = sum(row["severity"] == "warning" and row["status"] == "failed" for row in rows)
    return passed, warned


def _names(rows: list[dict[str, str]]) -> str:
    names = [f"{row['check_name']} on {row['table_name']}" for row in rows]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _require_tables(writer: Writer) -> None:
    rows = writer.fetch("select table_schema, table_name from information_schema.tables")
    there = {f"{row['table_schema']}.{row['table_name']}" for row in rows}
    missing = [table.source for table in PUBLISHED + PEOPLE if table.source not in there]
    if missing:
        raise _Refusal(
            SkillsmithError(f"not published: {', '.join(missing)} not built; run `skillsmith-analytics build` first"),
            "tables built",
        )


def _data_until(writer: Writer, as_of: datetime) -> date | None:
    """The last day that a reader may take for complete: the day before `as_of`, or the newest data before that."""
    complete = as_of.date() - timedelta(days=1)
    newest = writer.fetch("select cast(max(data_until) as date) as day from build.table_health")[0]["day"]
    return None if newest is None else min(complete, newest)


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
