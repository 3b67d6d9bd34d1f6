"""When a refresh starts by the clock."""

from datetime import UTC
from typing import TYPE_CHECKING

import dagster as dg

from orchestration.assets import AS_OF_TAG
from orchestration.jobs import REFRESH

if TYPE_CHECKING:
    from orchestration.jobs import AssetJob


def daily_refresh(job: "AssetJob") -> dg.ScheduleDefinition:
    """Every day at 06:00 UTC: the day before is complete everywhere, and late events have had six hours."""

    @dg.schedule(
        name="daily_refresh",
        job=job,
        cron_schedule="0 6 * * *",
        execution_timezone="UTC",
        description="Refresh what is published, every day at 06:00 UTC.",
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    def schedule(context: dg.ScheduleEvaluationContext) -> dg.RunRequest:
        due = context.scheduled_execution_time.astimezone(UTC)
        return dg.RunRequest(run_key=f"{REFRESH}-{due:%Y-%m-%dT%H:%M}", tags={AS_OF_TAG: due.isoformat()})

    return schedule
