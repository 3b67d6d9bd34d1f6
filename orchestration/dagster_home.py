"""Dagster's own folder, <home>/dagster: its settings file, telemetry off, one writer at a time."""

from pathlib import Path

from warehouse.errors import StorageError
from warehouse.settings import Settings

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
retention:
  schedule:
    purge_after_days: 30
  sensor:
    purge_after_days:
      skipped: 2
      success: 30
      failure: 30
"""


def prepare_dagster_home(settings: Settings) -> Path:
    """Make the folder and its dagster.yaml; the folder. Raises StorageError where it cannot be written."""
    folder = settings.home / "dagster"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "dagster.yaml"
        if not path.exists() or path.read_text() != _DAGSTER_YAML:
            path.write_text(_DAGSTER_YAML)
    except OSError as error:
        raise StorageError(f"cannot write {folder}: {error.strerror}; check SKILLSMITH_HOME") from error
    return folder
