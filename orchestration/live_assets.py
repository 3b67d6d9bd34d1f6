"""Dagster's assets, jobs and schedules of live sources: one asset an entity, one job and one schedule a source.

They bring rows to the raw tables and end there; the refresh has its own schedule and builds from whatever has come.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from ingest.contracts import CONTRACTS, Contract
from ingest.live import cursor_of
from ingest.live.configured import Configured, configured
from ingest.live.registry import CHANGED_AT
from ingest.report import ImportReport
from orchestration import pipeline
from orchestration.assets import AS_OF_TAG, DAYS, Run, as_of_run, opened_warehouse
from orchestration.clock import parse_time
from warehouse import Warehouse
from warehouse.errors import SkillsmithError, UsageError, WarehouseBusyError
from warehouse.statements import quoted

if TYPE_CHECKING:
    from orchestration.jobs import AssetJob

PREFIX = "live"
_MOST_MINUTES = 120


class PullConfig(dg.Config):
    """What a run reads: what is new, or with `since` (ISO time, UTC) a range of time again, or everything."""

    since: str | None = None
    until: str | None = None
    from_start: bool = False


def live_key(entity: str) -> dg.AssetKey:
    """The asset of a live entity (`source/entity`)."""
    return dg.AssetKey([PREFIX, CONTRACTS[entity].table.name])


def live_definitions(run: Run) -> dg.Definitions:
    """Assets, jobs and schedules of the sources that are configured; nothing where none is."""
    found = configured(run.settings)
    jobs = {name: _job(name) for name in found}
    return dg.Definitions(
        assets=[_assets(run, name, source) for name, source in found.items()],
        jobs=list(jobs.values()),
        schedules=[_schedule(name, source.cron, jobs[name]) for name, source in found.items() if source.cron != "off"],
    )


def _assets(run: Run, name: str, source: Configured) -> dg.AssetsDefinition:
    by_key = {live_key(entity): entity for entity in source.entities}
    specs = [
        dg.AssetSpec(
            key,
            group_name=f"{PREFIX}_{name}",
            description=CONTRACTS[entity].description,
            kinds={name},
            partitions_def=DAYS if _has_days(entity) else None,
        )
        for key, entity in by_key.items()
    ]

    @dg.multi_asset(
        name=f"read_{name}",
        specs=specs,
        can_subset=True,
        # A range of days is one question to the registry.
        backfill_policy=dg.BackfillPolicy.single_run() if any(map(_has_days, source.entities)) else None,
        # One reader of a source at a time; the warehouse is held only while a window lands.
        pool=f"pull_{name}",
    )
    def pull(context: dg.AssetExecutionContext, config: PullConfig) -> Iterator[dg.MaterializeResult]:
        selected = [by_key[key] for key in context.selected_asset_keys]
        report, failure = ImportReport(), None
        since, until = _range(context, config)
        with opened_warehouse(context, run) as warehouse:
            try:
                pipeline.pull(
                    warehouse,
                    name,
                    as_of=as_of_run(context),
                    entities=[entity for entity in source.entities if entity in selected],
                    since=since,
                    until=until,
                    from_start=config.from_start,
                    progress=run.progress,
                    report=report,
                )
            except SkillsmithError as error:
                if not report.failed:
                    raise
                # What was read is told of all the same.
                failure = error
            totals = report.by_entity()
            read = [entity for entity in selected if entity not in report.failed]
            where = _where_they_are(context, warehouse, read)
            for entity in read:
                total = totals.get(entity)
                metadata: dict[str, Any] = where.get(entity, {})
                if total is not None:
                    metadata |= {
                        "windows": total.files,
                        "rows_seen": total.rows_seen,
                        "rows_loaded": total.rows_loaded,
                        "rows_quarantined": total.rows_quarantined,
                        "bytes": total.bytes,
                        "seconds": total.seconds,
                    }
                yield dg.MaterializeResult(asset_key=live_key(entity), metadata=metadata)
            if failure is not None:
                raise failure

    return pull


def _has_days(entity: str) -> bool:
    """Whether an entity's rows are read by when something happened: of a state's times only the last is there."""
    return entity in CHANGED_AT


def _range(context: dg.AssetExecutionContext, config: PullConfig) -> tuple[datetime | None, datetime | None]:
    """The range of time that is to be read again, of the run's days or its configuration; without one what is new."""
    if not (context.has_partition_key or context.has_partition_key_range):
        return _time(config.since, "since"), _time(config.until, "until")
    if config.since or config.until or config.from_start:
        raise UsageError("a run of days reads these days: leave out `since`, `until` and `from_start`")
    days = context.partition_key_range
    return parse_time(days.start), parse_time(days.end) + timedelta(days=1)


def _time(text: str | None, name: str) -> datetime | None:
    try:
        return parse_time(text) if text else None
    except ValueError as error:
        raise UsageError(f"`{name}`: {error}") from None


def _where_they_are(
    context: dg.AssetExecutionContext, warehouse: Warehouse, entities: list[str]
) -> dict[str, dict[str, Any]]:
    """What `_where_it_is` says of each entity; nothing where another run keeps the warehouse. All has landed."""
    try:
        # A refresh may have begun since.
        with pipeline.landing_lock(warehouse.settings), warehouse.held():
            return {entity: _where_it_is(warehouse, CONTRACTS[entity]) for entity in entities}
    except WarehouseBusyError as error:
        context.log.warning(f"where the next run goes on is not told: {error}")
        return {}


def _where_it_is(warehouse: Warehouse, contract: Contract) -> dict[str, Any]:
    """Where the next run goes on, and how far the newest row lies behind now."""
    named = CHANGED_AT.get(contract.name) or (contract.day_column or "updated_at",)
    columns = [column.name for column in contract.columns if column.name in named]
    found: dict[str, Any] = {"cursor": cursor_of(warehouse, contract) or "none yet"}
    if columns:
        newest = ", ".join(f"max(cast({quoted(column)} as timestamp))" for column in columns)
        with warehouse.write("import") as writer:
            [row] = writer.fetch(f"select greatest({newest}) as newest from {contract.table.qualified}")
        if row["newest"] is not None:
            newest = row["newest"].replace(tzinfo=UTC)
            found |= {
                "newest_row": dg.MetadataValue.timestamp(newest),
                "lag_seconds": (datetime.now(UTC) - newest).total_seconds(),
            }
    return found


def _job(name: str) -> "AssetJob":
    return dg.define_asset_job(
        f"pull_{name}",
        selection=dg.AssetSelection.groups(f"{PREFIX}_{name}"),
        description=f"Import what is new in {name}; with `since` and `until` a range of time again.",
        tags={"dagster/max_runtime": str(_MOST_MINUTES * 60)},
        executor_def=dg.in_process_executor,
    )


def _schedule(name: str, cron: str, job: "AssetJob") -> dg.ScheduleDefinition:
    try:
        return _cron_schedule(name, cron, job)
    except dg.DagsterInvalidDefinitionError:
        variable = f"SKILLSMITH_{'STRIPE' if name == 'billing' else name.upper()}_CRON"
        raise UsageError(f"{variable}: {cron!r} is no cron expression; for no schedule give off") from None


def _cron_schedule(name: str, cron: str, job: "AssetJob") -> dg.ScheduleDefinition:
    @dg.schedule(
        name=f"pull_{name}",
        job=job,
        cron_schedule=cron,
        execution_timezone="UTC",
        description=f"Import what is new in {name}.",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        due = context.scheduled_execution_time.astimezone(UTC)
        return dg.RunRequest(run_key=f"pull_{name}-{due:%Y-%m-%dT%H:%M}", tags={AS_OF_TAG: due.isoformat()})

    return schedule
