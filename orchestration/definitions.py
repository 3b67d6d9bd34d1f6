"""What Dagster loads: `dagster dev -m orchestration.definitions`. Nothing happens until it asks."""

from collections.abc import Mapping
from typing import Any

import dagster as dg

from orchestration.assets import (
    Run,
    built_assets,
    checks_asset,
    health_assets,
    page_assets,
    raw_assets,
    snapshot_asset,
)
from orchestration.checks import border_checks
from orchestration.jobs import refresh_job
from orchestration.live_assets import live_definitions
from orchestration.schedules import daily_refresh
from orchestration.sensors import arrivals
from orchestration.upkeep_job import upkeep_definitions


def definitions_of(run: Run, manifest: Mapping[str, Any]) -> dg.Definitions:
    """Everything Dagster knows, for one run's settings and dbt's manifest."""
    borders = border_checks(run, manifest)
    job = refresh_job(borders)
    health = health_assets(run, manifest)
    own = dg.Definitions(
        assets=[
            raw_assets(run),
            *built_assets(run, manifest),
            checks_asset(run, manifest),
            *([health] if health is not None else []),
            snapshot_asset(run, manifest),
            *page_assets(manifest),
        ],
        asset_checks=[borders],
        jobs=[job],
        schedules=[daily_refresh(job)],
        sensors=[arrivals(job, run.settings)],
    )
    return dg.Definitions.merge(own, live_definitions(run), upkeep_definitions(run))


@dg.definitions
def definitions() -> dg.Definitions:
    """The definitions for the settings of the environment."""
    from orchestration.dbt_runner import manifest_of
    from warehouse import open_warehouse
    from warehouse.settings import load_settings

    settings = load_settings()
    with open_warehouse(settings) as warehouse:
        manifest = manifest_of(warehouse)
    return definitions_of(Run(settings), manifest)
