"""Dagster's own folder, <home>/dagster: its settings file, telemetry off, one writer at a time."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from warehouse.errors import StorageError
from warehouse.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

WRITER_POOL = "warehouse_writer"

_DAGSTER_YAML = """\
# Written by skillsmith-analytics at every start; change orchestration/dagster_home.py instead.
telemetry:
  enabled: false
concurrency:
  pools:
    # One writer: two steps that write to the warehouse never run at once, in one run or in two.
    default_limit: 1
    granularity: op
  runs:
    max_concurrent_runs: 2
# Ends runs that pass their `dagster/max_runtime`.
run_monitoring:
  enabled: true
retention:
  schedule:
    purge_after_days: 30
  sensor:
    purge_after_days:
      skipped: 2
      success: 30
      failure: 30
"""

# The address holds a password, so the file only says where to read it.
_STORAGE_YAML = """\
storage:
  postgres:
    postgres_url:
      env: SKILLSMITH_DAGSTER_URL
"""


def prepare_dagster_home(settings: Settings) -> Path:
    """Make the folder and its dagster.yaml; the folder. Raises StorageError where it cannot be written."""
    folder = settings.home / "dagster"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "dagster.yaml"
        text = _DAGSTER_YAML + (_STORAGE_YAML if settings.dagster_url else "")
        if not path.exists() or path.read_text() != text:
            path.write_text(text)
    except OSError as error:
        raise StorageError(f"cannot write {folder}: {error.strerror}; check SKILLSMITH_HOME") from error
    return folder


def forgetful_instance() -> "dg.DagsterInstance":
    """An instance for one run in this process that nobody will look at: like Dagster's ephemeral one, without events.

    The ephemeral one writes each of some five hundred events through a connection of its own to a database in memory,
    which takes longer than building the tables of a small world.
    """
    import dagster as dg
    from dagster._core.event_api import EventRecordsResult
    from dagster._core.instance.types import InstanceType
    from dagster._core.launcher.sync_in_memory_run_launcher import SyncInMemoryRunLauncher
    from dagster._core.run_coordinator import DefaultRunCoordinator
    from dagster._core.storage.event_log import InMemoryEventLogStorage
    from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
    from dagster._core.storage.root import TemporaryLocalArtifactStorage
    from dagster._core.storage.runs import InMemoryRunStorage

    class ForgetfulEventLog(InMemoryEventLogStorage):
        """Keeps nothing: what happened is told to the progress lines, and stands in `ops` and the ledger."""

        def store_event(self, event: Any) -> None:
            """Let it go."""

        def get_asset_records(self, *_: Any, **__: Any) -> list[Any]:
            """None: each step asks for those of all that it reads, and would ask an empty database."""
            return []

        def fetch_observations(self, *_: Any, **__: Any) -> EventRecordsResult:
            """None either."""
            return EventRecordsResult(records=[], cursor="", has_more=False)

    return dg.DagsterInstance(
        instance_type=InstanceType.EPHEMERAL,
        local_artifact_storage=TemporaryLocalArtifactStorage(),
        run_storage=InMemoryRunStorage(),
        event_storage=ForgetfulEventLog(),
        compute_log_manager=NoOpComputeLogManager(),
        run_coordinator=DefaultRunCoordinator(),
        run_launcher=SyncInMemoryRunLauncher(),
    )
