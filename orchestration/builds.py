"""The record of builds, `ops.builds`: one row a build, from its start to what became of it."""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from warehouse import Writer
from warehouse.errors import SkillsmithError

Outcome = Literal["built", "failed", "published", "refused"]


@dataclass(frozen=True, slots=True)
class Build:
    """One build: its id (sorts by time), its clock (UTC), when it began, and its outcome (None while it runs)."""

    build_id: str
    as_of: datetime
    started_at: datetime
    outcome: Outcome | None = None


def start_build(writer: Writer, as_of: datetime) -> Build:
    """Open a build in the record and give it its id."""
    now = datetime.now(UTC)
    build = Build(f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(2)}", as_of, now)
    writer.append("ops.builds", [{"build_id": build.build_id, "as_of": as_of, "started_at": now}])
    return build


def finish_build(writer: Writer, build_id: str, outcome: Outcome) -> None:
    """Say what became of a build."""
    writer.execute(
        "update ops.builds set finished_at = ?, outcome = ? where build_id = ?",
        [datetime.now(UTC).replace(tzinfo=None), outcome, build_id],
    )


def last_build(writer: Writer) -> Build | None:
    """The newest build, whatever became of it; None before the first."""
    rows = writer.fetch(
        "select build_id, as_of, started_at, outcome from ops.builds order by started_at desc, build_id desc limit 1"
    )
    if not rows:
        return None
    row = rows[0]
    return Build(row["build_id"], utc(row["as_of"]), utc(row["started_at"]), row["outcome"])


def checkable_build(writer: Writer) -> Build:
    """The newest build, for checking or publishing it.

    Raises SkillsmithError where there is none, or where it did not come to its end.
    """
    build = last_build(writer)
    if build is None:
        raise SkillsmithError("nothing is built yet; run `skillsmith-analytics build` first")
    if build.outcome in (None, "failed"):
        raise SkillsmithError(f"build {build.build_id} did not come to its end; run `skillsmith-analytics build` again")
    return build


def utc(moment: datetime) -> datetime:
    """A time as the warehouse gives it (UTC, with or without a zone) with its zone."""
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
