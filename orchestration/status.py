"""`status`: what is where, without disturbing a run that is writing."""

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from orchestration.builds import last_build, utc
from orchestration.clock import now
from orchestration.progress import number_of
from orchestration.run_lock import run_lock
from warehouse import open_warehouse
from warehouse.access import OPERATOR, STALE_AFTER, Attempt, Snapshot, is_stale, open_reader
from warehouse.errors import NotPublishedError, WarehouseBusyError
from warehouse.settings import Settings

# Another `status` holds the lock for less than that; a run that writes nearly always for longer.
_PATIENCE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Status:
    """The state of one installation; None and empty where there is nothing yet. Times are UTC.

    is_stale: the snapshot is older than a daily refresh leaves it, so that no page shows a table as checked.
    is_writing: another process has the warehouse, so its own record (last import, last build) could not be read.
    unread_because: why it could not be read else.
    """

    home: Path
    engine: str
    drop: Path | str
    snapshot: Snapshot | None = None
    is_stale: bool = False
    last_attempt: Attempt | None = None
    badges: list[dict[str, Any]] = field(default_factory=list)
    is_writing: bool = False
    unread_because: str | None = None
    last_import_at: datetime | None = None
    files_imported: int = 0
    files_refused: int = 0
    rows_in_quarantine: int = 0
    open_gaps: int = 0
    last_build: dict[str, Any] | None = None
    storage: dict[str, Any] = field(default_factory=dict)


def read_status(settings: Settings) -> Status:
    """The installation's state. Works before anything exists and while another process writes."""
    return Status(
        home=settings.home,
        engine=settings.engine,
        drop=settings.drop_folder,
        **_published(settings),
        **_written(settings),
        storage=_storage(settings),
    )


def describe(status: Status) -> str:
    """The state for people."""
    lines = [f"home        {status.home} ({status.engine})", f"drop        {status.drop}"]
    if status.snapshot is None:
        lines.append("published   nothing yet; run `skillsmith-analytics refresh`")
    else:
        shot = status.snapshot
        lines.append(
            f"published   snapshot {shot.snapshot_id} at {_time(shot.published_at)}, as of {_time(shot.as_of)}"
        )
        if status.is_stale:
            lines.append(
                f"stale       as of more than {STALE_AFTER.total_seconds() / 3600:.0f} hours ago, so no page shows a "
                "table as checked; run `skillsmith-analytics refresh`"
            )
        lines.append(f"data until  {shot.data_until or 'no data'}")
        lines.append(f"checks      {shot.checks_passed} passed, {shot.checks_warned} warned")
    if status.last_attempt is not None and status.last_attempt.outcome == "refused":
        attempt = status.last_attempt
        lines.append(f"refused     the publishing of {_time(attempt.at)}:")
        lines += [
            f"              {row['check_name']} of {row['table_name']}: {row['reason']}" for row in attempt.failed
        ]
    if status.is_writing:
        lines.append("last run    another process is writing now; ask again when it is done")
    elif status.unread_because is not None:
        lines.append(f"last run    not known: {status.unread_because}")
    else:
        lines += _record_lines(status)
    lines += _storage_lines(status.storage)
    if status.badges:
        lines.append("tables      (badge, name, data until)")
        lines += [
            f"  {row['badge']:<6} {row['table_name']:<32} {_time(row['data_until']) if row['data_until'] else '-'}"
            for row in status.badges
        ]
    return "\n".join(lines)


def _record_lines(status: Status) -> list[str]:
    if status.last_import_at is None:
        lines = ["last import none yet"]
    else:
        refused = f", {status.files_refused:,} refused" if status.files_refused else ""
        lines = [
            f"last import {_time(status.last_import_at)}, {number_of(status.files_imported, 'file')} in all{refused}, "
            f"{number_of(status.rows_in_quarantine, 'row')} in quarantine, {number_of(status.open_gaps, 'gap')} open"
        ]
    build = status.last_build
    lines.append(
        f"last build  {build['build_id']}, as of {_time(build['as_of'])}: {build['outcome'] or 'not finished'}"
        if build
        else "last build  none yet"
    )
    return lines


def _published(settings: Settings) -> dict[str, Any]:
    with open_reader(settings) as reader:
        found: dict[str, Any] = {"last_attempt": reader.last_attempt()}
        try:
            found["snapshot"] = reader.snapshot()
        except NotPublishedError:
            return found
        found["is_stale"] = is_stale(found["snapshot"].as_of, now())
        found["badges"] = reader.query(
            "select table_name, badge, data_until from metrics.table_health order by table_name",
            OPERATOR,
            ["metrics.table_health"],
            {},
        ).to_pylist()
        return found


def _storage(settings: Settings) -> dict[str, Any]:
    """What a server says of its own upkeep; a file needs none, and is not opened for it."""
    if settings.engine == "duckdb":
        return {}
    with open_warehouse(settings) as warehouse:
        return warehouse.health()


def _storage_lines(storage: dict[str, Any]) -> list[str]:
    if not storage:
        return []
    lines = [
        f"server      TimescaleDB {storage['timescaledb']}" if storage["timescaledb"] else "server      PostgreSQL"
    ]
    lines += [
        f"worker      {row['worker']}: {row['shards']} shards, {row['bytes'] / 1e9:.1f} GB"
        for row in storage["citus_workers"]
    ]
    for row in storage["chunks"]:
        smaller = f", {row['compression_ratio']} times smaller" if row["compression_ratio"] else ""
        lines.append(
            f"            {row['table_name']}: {row['chunks']} chunks, {row['compressed_chunks']} compressed{smaller}"
        )
    failing = [job for job in storage["jobs"] if job["last_run_status"] == "Failed"]
    if storage["jobs"]:
        lines.append(f"policies    {len(storage['jobs'])}, {len(failing)} failing")
        lines += [
            f"              {job['job']} of {job['table_name'] or 'the server'}: {job['total_failures']} failures"
            for job in failing
        ]
    if storage["is_locked"]:
        lines.append("bloat       another session keeps a table locked: dead rows are not known now (pg_stat_activity)")
    for row in storage["bloat"]:
        lines.append(f"bloat       {row['table_name']}: {row['dead_rows']:,} dead rows beside {row['live_rows']:,}")
    return lines


def _written(settings: Settings) -> dict[str, Any]:
    """What the writer's own record says. Its file is opened only where no run has it, and never made."""
    if settings.engine == "duckdb" and not settings.warehouse_file.exists():
        return {}
    if settings.engine == "duckdb" and not os.access(settings.home, os.W_OK):
        return {"unread_because": f"the warehouse can be read only by who may write in {settings.home}"}
    try:
        with (
            run_lock(settings, wait_seconds=_PATIENCE_SECONDS),
            open_warehouse(settings) as warehouse,
            warehouse.write() as writer,
        ):
            there = {
                row["table_name"]
                for row in writer.fetch("select table_name from information_schema.tables where table_schema = 'ops'")
            }
            if "builds" not in there:
                return {}
            ledger = writer.fetch(
                "select max(finished_at) as last_import_at, "
                "count(case when outcome = 'loaded' then 1 end) as files_imported from raw.import_ledger"
            )[0]
            waiting = writer.fetch("select count(*) as n from raw.quarantine where resolved_at is null")[0]["n"]
            gaps = (
                writer.fetch(
                    # A refused file counts until a good one of its name comes, or somebody accepts that none will.
                    "select count(*) as open_gaps, count(case when kind = 'refused_file' then 1 end) as files_refused "
                    "from ops.import_gaps where closed_at is null"
                )[0]
                if "import_gaps" in there
                else {}
            )
            build = last_build(writer)
    except WarehouseBusyError:
        return {"is_writing": True}
    return {
        **ledger,
        "rows_in_quarantine": waiting,
        **gaps,
        "last_build": None
        if build is None
        else {"build_id": build.build_id, "as_of": build.as_of, "outcome": build.outcome},
    }


def _time(moment: datetime) -> str:
    return f"{utc(moment):%Y-%m-%d %H:%M:%S} UTC"
