"""The one job: everything from the drop folder to the published snapshot, in one process."""

from typing import TYPE_CHECKING

import dagster as dg

if TYPE_CHECKING:
    # Dagster gives `define_asset_job` a return type that it does not export.
    from dagster._core.definitions.unresolved_asset_job_definition import UnresolvedAssetJobDefinition as AssetJob

REFRESH = "refresh"


def refresh_job(border_checks: dg.AssetChecksDefinition) -> "AssetJob":
    """The refresh. The checks' own asset evaluates the borders, so their stand-alone form is left out."""
    return dg.define_asset_job(
        REFRESH,
        # Live sources are read by jobs of their own, at their own times.
        selection=dg.AssetSelection.all()
        - dg.AssetSelection.checks(border_checks)
        - dg.AssetSelection.key_prefixes("live"),
        description="Import what has arrived, build every table, check both borders, publish one snapshot.",
        executor_def=dg.in_process_executor,
    )
