"""Dagster's assets: every raw entity, every dbt model, the analysis, the checks, the snapshot and the pages.

Each only wraps one step of `orchestration.pipeline`; nothing is computed here. Schedules, sensors and the job are in
modules of their own.
"""

from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg
from dagster_dbt import dbt_assets

from ingest.contracts import CONTRACTS, Contract
from orchestration import pipeline
from orchestration.builds import utc
from orchestration.clock import now, parse_time
from orchestration.dagster_dbt_bridge import Finished, Translator, stream_events, table_key
from orchestration.dagster_home import WRITER_POOL
from orchestration.progress import Progress, Silence
from warehouse import Warehouse, open_warehouse
from warehouse.errors import TransientError
from warehouse.published import PUBLISHED
from warehouse.settings import Settings
from warehouse.statements import quoted

AS_OF_TAG = "skillsmith/as_of"
ALLOW_OLDER_TAG = "skillsmith/allow_older"

# GH Archive begins in 2011; a partition costs nothing until it is filled.
DAYS = dg.DailyPartitionsDefinition(start_date="2011-02-12")
# A run that brings many days marks this many; the graph shows the newest.
_DAYS_MARKED = 60

SNAPSHOT = dg.AssetKey(["metrics", "snapshot"])
CHECK_RESULTS = dg.AssetKey(["ops", "check_results"])
SUGGESTIONS = dg.AssetKey(["build", "skill_suggestions"])
DEFINITIONS = dg.AssetKey(["build", "metric_definitions"])

# The refresh is due at 06:00 UTC and has two hours.
FRESH = dg.FreshnessPolicy.cron(deadline_cron="0 8 * * *", lower_bound_delta=timedelta(hours=2), timezone="UTC")


@dataclass(frozen=True)
class Run:
    """What every step of a run shares: the settings, where it reports to, and how often it tries again.

    is_recorded: whether Dagster keeps the run. Where nobody will look at its events, making hundreds of them would
    take longer than the refresh; what they say stands in ops.builds, ops.check_results and the import ledger.
    """

    settings: Settings
    progress: Progress = field(default_factory=Silence)
    is_recorded: bool = True
    retries: int = 3
    retry_seconds: float = 30.0


@contextmanager
def opened_warehouse(
    context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext | dg.OpExecutionContext, run: Run
) -> Iterator[Warehouse]:
    """The warehouse; what may pass by itself asks Dagster for another try, everything else fails at once."""
    op = context if isinstance(context, dg.OpExecutionContext) else context.op_execution_context
    try:
        with open_warehouse(run.settings) as warehouse:
            yield warehouse
    except TransientError as error:
        if op.retry_number >= run.retries:
            raise
        raise dg.RetryRequested(max_retries=run.retries, seconds_to_wait=run.retry_seconds) from error


def as_of_run(context: dg.AssetExecutionContext) -> datetime:
    """The clock of a run: what started it says so, or it is now."""
    tag = context.run.tags.get(AS_OF_TAG)
    return parse_time(tag) if tag else now()


def _allow_older(context: dg.AssetExecutionContext) -> bool:
    return context.run.tags.get(ALLOW_OLDER_TAG) == "true"


def raw_assets(run: Run) -> dg.AssetsDefinition:
    """One asset an entity; those whose rows have a day are partitioned by it.

    A file may hold rows of any day, so a run imports whatever has arrived for the chosen entities, and marks the days
    that its rows belong to. A run of one day says how many rows there are of it, which may be none.
    """
    by_key = {dg.AssetKey(["raw", contract.table.name]): contract for contract in CONTRACTS.values()}
    specs = [
        dg.AssetSpec(
            key,
            group_name=contract.source,
            description=contract.description,
            partitions_def=DAYS if contract.day_column and run.is_recorded else None,
            kinds={run.settings.engine},
            metadata={"key": ", ".join(contract.key), "drop_folder": contract.name},
        )
        for key, contract in by_key.items()
    ]

    @dg.multi_asset(name="import_sources", specs=specs, can_subset=True, pool=WRITER_POOL)
    def import_sources(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        selected = [by_key[key] for key in context.selected_asset_keys]
        entities = None if len(selected) == len(by_key) else [contract.name for contract in selected]
        with opened_warehouse(context, run) as warehouse:
            report = pipeline.import_sources(
                warehouse, as_of=as_of_run(context), entities=entities, progress=run.progress
            )
            loads = [load.load_id for load in report.loads if load.outcome == "loaded"]
            counts, days = _what_came(warehouse, selected, loads) if run.is_recorded else ({}, {})
            day = parse_time(context.partition_key).date() if context.has_partition_key else None
            of_day = {} if day is None else _rows_of(warehouse, selected, day)
        for refused in report.refused:
            context.log.warning(f"refused {refused.file_name}: {refused.error}")
        totals = report.by_entity()
        for contract in selected:
            key = dg.AssetKey(["raw", contract.table.name])
            for each, rows in days.get(contract.name, {}).items():
                if each != day:
                    context.log_event(
                        dg.AssetMaterialization(
                            key, partition=str(each), metadata={"dagster/partition_row_count": rows}
                        )
                    )
            if of_day.get(contract.name) == 0:
                context.log.warning(f"{contract.name} has no rows of {day}")
            total = totals.get(contract.name)
            metadata: dict[str, Any] = {}
            if contract.name in of_day:
                metadata["dagster/partition_row_count"] = of_day[contract.name]
            elif contract.name in counts:
                metadata["dagster/row_count"] = counts[contract.name]
            if total is not None:
                metadata |= {
                    "files": total.files,
                    "rows_seen": total.rows_seen,
                    "rows_loaded": total.rows_loaded,
                    "rows_quarantined": total.rows_quarantined,
                    "files_refused": total.refused,
                    "seconds": total.seconds,
                }
            yield dg.MaterializeResult(asset_key=key, metadata=metadata)

    return import_sources


def _what_came(
    warehouse: Warehouse, contracts: list[Contract], loads: list[str]
) -> tuple[dict[str, int], dict[str, dict[Any, int]]]:
    """Rows that each entity holds now, and by day the rows that these loads brought."""
    counts: dict[str, int] = {}
    days: dict[str, dict[Any, int]] = {}
    marks = ", ".join("?" for _ in loads)
    with warehouse.write() as writer:
        for contract in contracts:
            table = contract.table.qualified
            counts[contract.name] = writer.fetch(f"select count(*) as n from {table}")[0]["n"]
            if contract.day_column and loads:
                at = quoted(contract.day_column)
                found = writer.fetch(
                    f"select cast({at} as date) as day, count(*) as n from {table} "
                    f"where load_id in ({marks}) and {at} is not null "
                    f"group by 1 order by 1 desc limit {_DAYS_MARKED}",
                    loads,
                )
                days[contract.name] = {
                    row["day"]: row["n"]
                    for row in found
                    if DAYS.start.date() <= row["day"] <= datetime.now(UTC).date() - timedelta(days=1)
                }
    return counts, days


def _rows_of(warehouse: Warehouse, contracts: list[Contract], day: date) -> dict[str, int]:
    """Rows of one UTC day that each entity holds."""
    with warehouse.write() as writer:
        return {
            contract.name: writer.fetch(
                f"select count(*) as n from {contract.table.qualified} "
                f"where {quoted(contract.day_column)} >= ? and {quoted(contract.day_column)} < ?",
                [datetime.combine(day, time.min), datetime.combine(day + timedelta(days=1), time.min)],
            )[0]["n"]
            for contract in contracts
            if contract.day_column
        }


def built_assets(run: Run, manifest: Mapping[str, Any]) -> list[dg.AssetsDefinition]:
    """dbt's seeds and models with their tests as checks; what is not SQL; and what is built after the checks."""

    @dbt_assets(
        manifest=manifest,
        exclude=pipeline.AFTER_CHECKS,
        name="dbt_build",
        dagster_dbt_translator=Translator(with_checks=run.is_recorded),
        pool=WRITER_POOL,
    )
    def dbt_build(context: dg.AssetExecutionContext) -> Iterator[Any]:
        with opened_warehouse(context, run) as warehouse:
            if not run.is_recorded:
                pipeline.build(warehouse, as_of=as_of_run(context), progress=run.progress)
                yield from _in_order(context, set())
                return
            done: set[dg.AssetKey] = set()
            keys = {key.to_python_identifier(): key for key in context.selected_asset_keys}
            parents = context.assets_def.asset_deps
            seeds = {
                dg.AssetKey(table_key(node)) for node in manifest["nodes"].values() if node["resource_type"] == "seed"
            }
            report: pipeline.BuildReport | None = None
            events = stream_events(
                lambda tell: pipeline.build(warehouse, as_of=as_of_run(context), progress=run.progress, on_event=tell),
                manifest,
                context,
            )
            with closing(events):
                for event in events:
                    if isinstance(event, Finished):
                        report = event.value
                        continue
                    if isinstance(event, dg.Output):
                        # All is built whatever was asked for; what was not has no place among this step's results.
                        if event.output_name not in keys:
                            continue
                        key = keys[event.output_name]
                        # Seeds that have not changed are not loaded again, yet stand before what reads them.
                        for seed in (parents[key] & seeds & context.selected_asset_keys) - done:
                            done.add(seed)
                            yield _left_as_it_was(seed)
                        done.add(key)
                    yield event
            # A model behind a failed test is not built.
            yield from _in_order(context, done)
            if report is not None:
                for table, rows in report.rows.items():
                    context.log_event(
                        dg.AssetObservation(
                            dg.AssetKey(table.split(".")),
                            metadata={"dagster/row_count": rows, "seconds": report.seconds.get(table, 0.0)},
                        )
                    )

    published = _built_before_checks(manifest)

    @dg.multi_asset(
        name="analysis",
        specs=[
            dg.AssetSpec(
                SUGGESTIONS,
                group_name="co_use",
                description="Skills that a team's own point to, modelled in numpy and tested against popularity.",
                deps=[
                    dg.AssetKey(["intermediate", name])
                    for name in ("int_skill_adopters", "int_team_installed_skills", "int_team_windows", "int_windows")
                ],
                kinds={"numpy"},
            ),
            dg.AssetSpec(
                DEFINITIONS,
                group_name="trust",
                description="The definition of every published metric, from the models' YAML.",
                deps=published,
                kinds={"python"},
            ),
        ],
        pool=WRITER_POOL,
    )
    def analysis(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        # The build step wrote them; here they are noted with their rows, so that the graph shows them.
        with opened_warehouse(context, run) as warehouse, warehouse.write() as writer:
            for key in (SUGGESTIONS, DEFINITIONS):
                rows = writer.fetch(f"select count(*) as n from {'.'.join(key.path)}")[0]["n"]
                yield dg.MaterializeResult(asset_key=key, metadata={"dagster/row_count": rows})

    return [dbt_build, analysis]


def _left_as_it_was(key: dg.AssetKey) -> dg.Output:
    return dg.Output(None, output_name=key.to_python_identifier(), metadata={"status": "left as it was"})


def _in_order(context: dg.AssetExecutionContext, done: set[dg.AssetKey]) -> Iterator[dg.Output]:
    """Outputs of the selected assets that are not done, parents first: Dagster refuses any other order."""
    parents = context.assets_def.asset_deps
    waiting = context.selected_asset_keys - done
    for key in TopologicalSorter({key: parents[key] & waiting for key in waiting}).static_order():
        yield dg.Output(None, output_name=key.to_python_identifier())


def checks_asset(run: Run, manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """`ops.check_results`: both borders checked, each result shown at its table."""
    deps = [SUGGESTIONS, DEFINITIONS, *_built_before_checks(manifest)]

    @dg.multi_asset(
        name="checks",
        specs=[
            dg.AssetSpec(
                CHECK_RESULTS,
                group_name="trust",
                description="What every check found, one row a check and table.",
                deps=deps,
                kinds={"greatexpectations"},
            )
        ],
        pool=WRITER_POOL,
    )
    def checks(context: dg.AssetExecutionContext) -> Iterator[dg.MaterializeResult]:
        from orchestration.checks import evaluations

        with opened_warehouse(context, run) as warehouse:
            report = pipeline.check(warehouse, allow_older=_allow_older(context), progress=run.progress)
            for evaluation in evaluations(report, manifest) if run.is_recorded else ():
                # Taken at run time, though Dagster's own type of this method leaves it out.
                context.log_event(evaluation)  # pyright: ignore[reportArgumentType]
            yield dg.MaterializeResult(
                asset_key=CHECK_RESULTS,
                metadata={
                    "build_id": report.build_id,
                    "passed": report.passed,
                    "warned": len(report.warned),
                    "blocking": len(report.blocking),
                    "crashed": len(report.errors),
                },
            )

    return checks


def health_assets(run: Run, manifest: Mapping[str, Any]) -> dg.AssetsDefinition | None:
    """What is built from the results of the checks; None where the project has no such model."""
    if not any("after_checks" in node.get("tags", []) for node in _models(manifest)):
        return None

    @dbt_assets(
        manifest=manifest,
        select=pipeline.AFTER_CHECKS,
        name="dbt_after_checks",
        dagster_dbt_translator=Translator(with_checks=run.is_recorded),
        pool=WRITER_POOL,
    )
    def dbt_after_checks(context: dg.AssetExecutionContext) -> Iterator[Any]:
        with opened_warehouse(context, run) as warehouse:
            if not run.is_recorded:
                pipeline.build_after_checks(warehouse, progress=run.progress)
                yield from _in_order(context, set())
                return
            events = stream_events(
                lambda tell: pipeline.build_after_checks(warehouse, progress=run.progress, on_event=tell),
                manifest,
                context,
            )
            with closing(events):
                for event in events:
                    if not isinstance(event, Finished):
                        yield event

    return dbt_after_checks


def snapshot_asset(run: Run, manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    """`metrics.snapshot`: the newest build, published."""
    there = {tuple(table_key(node)) for node in _models(manifest)}
    deps = [CHECK_RESULTS, SUGGESTIONS, DEFINITIONS]
    deps += [
        dg.AssetKey([table.source_schema, table.name])
        for table in PUBLISHED
        if (table.source_schema, table.name) in there
    ]

    @dg.asset(
        key=SNAPSHOT,
        group_name="published",
        description="The published snapshot: what pages and `query` read, switched in one step.",
        deps=deps,
        freshness_policy=FRESH,
        pool=WRITER_POOL,
        kinds={run.settings.engine},
    )
    def snapshot(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        with opened_warehouse(context, run) as warehouse:
            published = pipeline.publish_build(warehouse, allow_older=_allow_older(context), progress=run.progress)
        return dg.MaterializeResult(
            metadata={
                "snapshot_id": published.snapshot_id,
                "as_of": utc(published.as_of).isoformat(),
                "data_until": str(published.data_until or "no data"),
                "checks_passed": published.checks_passed,
                "checks_warned": published.checks_warned,
            }
        )

    return snapshot


def page_assets(manifest: Mapping[str, Any]) -> list[dg.AssetSpec]:
    """The dashboards' pages, last in the graph: dbt's exposures, each behind the snapshot it reads."""
    return [
        dg.AssetSpec(
            ["dashboards", exposure["name"]],
            group_name="dashboards",
            description=exposure.get("description") or "",
            deps=[SNAPSHOT],
            kinds={"streamlit"},
            metadata={"url": dg.MetadataValue.url(exposure["url"])} if exposure.get("url") else {},
        )
        for exposure in manifest["exposures"].values()
    ]


def _models(manifest: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]


def _built_before_checks(manifest: Mapping[str, Any]) -> list[dg.AssetKey]:
    """The models of the build place that the checks may look at."""
    return [
        dg.AssetKey(table_key(node))
        for node in _models(manifest)
        if node["schema"] == "build" and "after_checks" not in node.get("tags", [])
    ]
