"""The job that removes what has passed its time, and its schedule: apart from the refresh, which removes nothing."""

from datetime import UTC

import dagster as dg

from orchestration import pipeline
from orchestration.assets import AS_OF_TAG, Run, opened_warehouse
from orchestration.clock import now, parse_time
from orchestration.dagster_home import WRITER_POOL
from orchestration.progress import number_of

RETENTION = "retention"


def upkeep_definitions(run: Run) -> dg.Definitions:
    """The retention job, on Sundays at 04:00 UTC: before the day's refresh, after a week of them."""

    @dg.op(name="remove_expired_rows", pool=WRITER_POOL)
    def remove_expired_rows(context: dg.OpExecutionContext) -> None:
        tag = context.run.tags.get(AS_OF_TAG)
        with opened_warehouse(context, run) as warehouse:
            done = pipeline.retain(warehouse, now=parse_time(tag) if tag else now(), progress=run.progress)
        for expiry in done:
            went = f"stay: {expiry.waits_because}" if expiry.waits_because else "removed"
            context.log.info(f"{expiry.table}: {number_of(expiry.rows, 'row')} before {expiry.kept_from} {went}")

    @dg.job(
        name=RETENTION,
        description="Remove raw rows that have passed their time; what was built from them stays.",
        executor_def=dg.in_process_executor,
    )
    def retention() -> None:
        remove_expired_rows()

    @dg.schedule(
        name=RETENTION,
        job=retention,
        cron_schedule="0 4 * * 0",
        execution_timezone="UTC",
        description="Remove what has passed its time, Sundays at 04:00 UTC.",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        due = context.scheduled_execution_time.astimezone(UTC)
        return dg.RunRequest(run_key=f"{RETENTION}-{due:%Y-%m-%dT%H:%M}", tags={AS_OF_TAG: due.isoformat()})

    return dg.Definitions(jobs=[retention], schedules=[schedule])
