"""`refresh`: the Dagster job in this process, with one line an error."""

import gc
import logging
import os
from datetime import datetime

from expectations.frames import warm_up
from ingest.remote import require_place
from orchestration.builds import utc
from orchestration.pipeline import make_usual_drop
from orchestration.progress import Progress
from orchestration.run_lock import run_lock
from warehouse import open_warehouse
from warehouse.access import Snapshot, open_reader
from warehouse.errors import NotPublishedError, SkillsmithError
from warehouse.publish import require_newer
from warehouse.settings import Settings


def refresh(settings: Settings, *, as_of: datetime, allow_older: bool, progress: Progress) -> Snapshot:
    """Import, build, check and publish; the published snapshot.

    Raises what the steps raise: BlockingChecksFailedError (exit 3) where a blocking check evaluated false, and so on.
    """
    _refuse_early(settings, as_of, allow_older)
    with run_lock(settings):
        _run_job(settings, as_of, allow_older, progress)
    with open_reader(settings) as reader:
        return reader.snapshot()


def _refuse_early(settings: Settings, as_of: datetime, allow_older: bool) -> None:
    """What a later step would refuse after minutes is refused now."""
    make_usual_drop(settings)
    require_place(settings.drop_folder)
    with open_reader(settings) as reader:
        try:
            published = reader.snapshot()
        except NotPublishedError:
            return
    require_newer(published, as_of, allow_older=allow_older)


def _run_job(settings: Settings, as_of: datetime, allow_older: bool, progress: Progress) -> None:
    from orchestration.dagster_home import forgetful_instance, prepare_dagster_home

    folder = prepare_dagster_home(settings)
    os.environ["DAGSTER_HOME"] = str(folder)
    with progress.step("start"):
        # Great Expectations takes seconds to start; it does so while the rest goes on.
        warm_up()
        import dagster as dg

        from orchestration.assets import ALLOW_OLDER_TAG, AS_OF_TAG, Run
        from orchestration.dbt_runner import manifest_of
        from orchestration.definitions import definitions_of
        from orchestration.jobs import REFRESH

        with open_warehouse(settings) as warehouse:
            manifest = manifest_of(warehouse)
        # A person waits here, so a busy warehouse is said at once and not tried again for minutes.
        run = Run(settings, progress=progress, is_recorded=False, retries=1, retry_seconds=1.0)
        job = definitions_of(run, manifest).resolve_job_def(REFRESH)
        logging.getLogger("dagster").setLevel(logging.CRITICAL)
        # What was imported and parsed lives as long as the run; collecting garbage need not look through it again.
        gc.freeze()
    tags = {AS_OF_TAG: utc(as_of).isoformat(), ALLOW_OLDER_TAG: "true" if allow_older else "false"}
    # Kept in memory; runs that `dev` starts are stored, see Run.is_recorded.
    with forgetful_instance() as instance, open_warehouse(settings) as warehouse, warehouse.held():
        try:
            job.execute_in_process(
                instance=instance,
                tags=tags,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
                raise_on_error=True,
            )
        except dg.DagsterExecutionInterruptedError as error:
            raise KeyboardInterrupt from error
        except Exception as error:
            known = _known(error)
            if known is None:
                raise
            raise known from error


def _known(error: BaseException | None) -> BaseException | None:
    """The error of ours (or the interrupt) that Dagster wrapped, or None."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        if isinstance(error, SkillsmithError | KeyboardInterrupt):
            return error
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return None
