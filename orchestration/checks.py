"""The borders' checks as Dagster shows them: at the table they are about, blocking where they block publishing."""

from collections.abc import Iterator, Mapping
from typing import Any

import dagster as dg

from expectations.metrics_border import AFTER_CHECKS
from ingest.contracts import CONTRACTS
from orchestration import pipeline
from orchestration.assets import Run, opened_warehouse
from orchestration.dagster_dbt_bridge import table_key
from orchestration.dagster_home import WRITER_POOL
from warehouse.published import PUBLISHED

_BLOCKING = ("key_is_not_null", "key_is_unique")
_WARNINGS = (
    *("rows_of_the_last_day", "quarantine_share", "files_are_not_refused", "gaps_are_closed"),
    "keys_keep_arriving",
)
_METRICS = {
    "mrr_bridge_adds_up": ("mrr_bridge",),
    "mrr_bridge_goes_on": ("mrr_bridge",),
    "mrr_accounts_make_the_bridge": ("mrr_by_account",),
    "team_adoption_is_at_least_its_best_skill": ("team_activity",),
}


def border_checks(run: Run, manifest: Mapping[str, Any]) -> dg.AssetChecksDefinition:
    """Every check of the borders, as something that may also be run by itself from Dagster's page."""
    specs = list(_specs(manifest))

    @dg.multi_asset_check(name="border_checks", specs=specs, can_subset=True, pool=WRITER_POOL)
    def check_borders(context: dg.AssetCheckExecutionContext) -> Iterator[dg.AssetCheckResult]:
        with opened_warehouse(context, run) as warehouse:
            report = pipeline.check(warehouse, progress=run.progress)
        wanted = context.selected_asset_check_keys
        for evaluation in evaluations(report, manifest):
            if dg.AssetCheckKey(evaluation.asset_key, evaluation.check_name) in wanted:
                yield dg.AssetCheckResult(
                    asset_key=evaluation.asset_key,
                    check_name=evaluation.check_name,
                    passed=evaluation.passed,
                    severity=evaluation.severity,
                    metadata=evaluation.metadata,
                )

    return check_borders


def evaluations(report: pipeline.CheckReport, manifest: Mapping[str, Any]) -> Iterator[dg.AssetCheckEvaluation]:
    """The outcome of every border check of one report, as Dagster records it at the table's asset.

    A check of several columns passes where it passes for each. A table without a result has no data and passes.
    """
    wrong: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in [*report.blocking, *report.warned, *report.errors]:
        if row["border"] != "dbt":
            wrong.setdefault((row["check_name"], row["table_name"]), []).append(row)
            if row["status"] == "error":
                wrong.setdefault((row["check_name"], "*"), []).append(row)
    for spec in _specs(manifest):
        table = ".".join(["metrics" if part == "build" else part for part in spec.asset_key.path])
        rows = wrong.get((spec.name, table), []) + wrong.get((spec.name, "*"), [])
        yield dg.AssetCheckEvaluation(
            asset_key=spec.asset_key,
            check_name=spec.name,
            passed=not rows,
            severity=dg.AssetCheckSeverity.WARN if spec.name in _WARNINGS else dg.AssetCheckSeverity.ERROR,
            metadata={"found": "; ".join(pipeline.describe_check(row) for row in rows)} if rows else {},
        )


def _specs(manifest: Mapping[str, Any]) -> Iterator[dg.AssetCheckSpec]:
    for contract in CONTRACTS.values():
        for name in (*_BLOCKING, *_WARNINGS):
            if name != "rows_of_the_last_day" or contract.day_column:
                yield dg.AssetCheckSpec(name, asset=["raw", contract.table.name])
    models = {tuple(table_key(node)) for node in manifest["nodes"].values() if node["resource_type"] == "model"}
    for table in PUBLISHED:
        if table.source_schema != "build" or ("build", table.name) not in models or table.name in AFTER_CHECKS:
            continue
        asset = ["build", table.name]
        yield dg.AssetCheckSpec("published_table_is_there", asset=asset)
        yield dg.AssetCheckSpec("shares_are_shares", asset=asset)
        yield dg.AssetCheckSpec("no_table_shrinks_without_cause", asset=asset)
        for name, tables in _METRICS.items():
            if table.name in tables:
                yield dg.AssetCheckSpec(name, asset=asset)
