"""`pull`: what is new in live systems."""

from datetime import datetime
from typing import Any

import click

from orchestration.cli_options import UtcTime, answer, as_of_option, json_option, places, progress_for, settings_of
from orchestration.clock import now


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE]...")
@click.option("--entity", "entities", multiple=True, metavar="SOURCE/ENTITY", help="Only this entity; may repeat.")
@click.option("--since", type=UtcTime(), metavar="TIME", help="Read rows from this time on again (UTC).")
@click.option("--until", type=UtcTime(), metavar="TIME", help="End of --since; default now.")
@click.option("--from-start", is_flag=True, help="Read everything again, as if for the first time.")
@as_of_option
@json_option
@places
@click.pass_context
def pull(
    ctx: click.Context,
    sources: tuple[str, ...],
    entities: tuple[str, ...],
    since: datetime | None,
    until: datetime | None,
    from_start: bool,
    as_of: datetime | None,
    as_json: bool,
) -> None:
    """Import what is new in live systems: registry, billing (Stripe), status. Default: all that are configured.

    What was read before changes nothing. The next `build` and `publish`, or `refresh`, show it.

    Example: skillsmith-analytics pull registry --since 2026-07-01 --until 2026-07-08
    """
    from ingest.live.configured import configured
    from ingest.report import ImportReport
    from orchestration import pipeline
    from warehouse import open_warehouse
    from warehouse.errors import SkillsmithError, UsageError

    settings = settings_of(ctx)
    if until is not None and (since is None or until <= since):
        raise click.UsageError("--until needs an earlier --since")
    if since is not None and from_start:
        raise click.UsageError("--since and --from-start exclude each other")
    for entity in entities:
        if sources and entity.split("/")[0] not in sources:
            raise click.BadParameter(f"{entity} is of none of the sources named", ctx, param_hint="--entity")
    named = sources or tuple(dict.fromkeys(entity.split("/")[0] for entity in entities)) or tuple(configured(settings))
    if not named:
        raise UsageError(
            "no live source is configured: set SKILLSMITH_REGISTRY_URL, STRIPE_API_KEY or SKILLSMITH_STATUS_URL"
        )
    progress = progress_for(as_json)
    lines: list[dict[str, Any]] = []
    failed: dict[str, SkillsmithError] = {}
    unread: dict[str, str] = {}
    for name in named:
        own = [entity for entity in entities if entity.startswith(f"{name}/")] or None
        report = ImportReport()
        try:
            with open_warehouse(settings) as warehouse:
                pipeline.pull(
                    warehouse,
                    name,
                    as_of=as_of or now(),
                    entities=own,
                    since=since,
                    until=until,
                    from_start=from_start,
                    progress=progress,
                    report=report,
                )
        except SkillsmithError as error:
            if len(named) == 1 and isinstance(error, UsageError):
                raise
            # One system that is down does not keep the others from being read.
            if len(named) > 1:
                progress.warn(f"{name}: {error}")
            failed[name] = error
        lines += pipeline.import_lines(report)
        unread |= report.failed
    if as_json:
        answer({"entities": lines, "failed": list(failed), "failed_entities": unread})
    if failed and len(named) == 1:
        # Its own error says what to do, and its kind is the exit code.
        raise failed[named[0]]
    if failed:
        raise SkillsmithError(f"{', '.join(failed)} could not be read (see above); the others are imported")
