"""`quarantine`: rows that could not be taken, looked at, tried again or given up."""

from collections.abc import Callable
from typing import Any

import click

from orchestration.cli_options import answer, as_of_option, json_option, places, progress_for, warehouse_settings_of
from orchestration.clock import now
from orchestration.progress import number_of


def _choice_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, metavar, text in (
        ("reason", "TEXT", "Only rows that were put aside for this reason."),
        ("file", "NAME", "Only rows of this file, named as the ledger names it."),
        ("entity", "SOURCE/ENTITY", "Only rows of this entity."),
    ):
        command = click.option(f"--{name}", metavar=metavar, help=text)(command)
    return command


@click.group()
def quarantine() -> None:
    """Delivered rows that could not be taken: list them, look at some, try them again, give them up.

    Example: skillsmith-analytics quarantine list
    """


@quarantine.command("list")
@_choice_options
@json_option
@places
@click.pass_context
def list_(ctx: click.Context, entity: str | None, file: str | None, reason: str | None, as_json: bool) -> None:
    """How many rows wait, by entity, file and reason.

    Example: skillsmith-analytics quarantine list --entity registry/events
    """
    from ingest.quarantine import Choice, counts
    from warehouse import open_warehouse

    with open_warehouse(warehouse_settings_of(ctx)) as warehouse:
        rows = counts(_made(warehouse), Choice(entity, file, reason))
    if as_json:
        answer(rows)
        return
    if not rows:
        click.echo("no row waits in the quarantine" + (" for this choice" if entity or file or reason else ""))
        return
    for row in rows:
        click.echo(f"{row['rows']:>9,}  {row['source']}/{row['entity']}  {row['reason']}  ({row['file_name']})")
    click.echo(f"{sum(row['rows'] for row in rows):>9,}  rows in all; `quarantine show` has examples")


@quarantine.command()
@_choice_options
@click.option("--limit", type=click.IntRange(min=1), default=20, show_default=True, help="At most this many rows.")
@json_option
@places
@click.pass_context
def show(
    ctx: click.Context, entity: str | None, file: str | None, reason: str | None, limit: int, as_json: bool
) -> None:
    """Some rows as they were delivered, less what privacy removes.

    Example: skillsmith-analytics quarantine show --reason "unknown event_type" --limit 5
    """
    from ingest.quarantine import Choice, samples
    from warehouse import open_warehouse

    with open_warehouse(warehouse_settings_of(ctx)) as warehouse:
        found = samples(_made(warehouse), Choice(entity, file, reason), limit + 1)
    rows = found[:limit]
    if as_json:
        answer(rows)
        return
    if not rows:
        click.echo("no such row waits in the quarantine")
    for row in rows:
        click.echo(f"{row['file_name']}:{row['file_line']}  {row['reason']}")
        click.echo(f"    {row['row_text']}")
    if len(found) > limit:
        click.echo(f"the first {limit}; --limit shows more")


@quarantine.command()
@_choice_options
@as_of_option
@json_option
@places
@click.pass_context
def replay(
    ctx: click.Context, entity: str | None, file: str | None, reason: str | None, as_of: Any, as_json: bool
) -> None:
    """Try rows again under today's contracts; what is taken is closed, the rest stays.

    The file is read again where it still lies in the drop folder, the kept text otherwise.

    Example: skillsmith-analytics quarantine replay --entity registry/events
    """
    from orchestration.pipeline import replay_quarantine
    from warehouse import open_warehouse

    with open_warehouse(warehouse_settings_of(ctx)) as warehouse:
        report = replay_quarantine(
            warehouse,
            entity=entity,
            file_name=file,
            reason=reason,
            as_of=as_of or now(),
            progress=progress_for(as_json),
        )
    tried = report.rows_seen
    stay = sum(load.rows_quarantined for load in report.loads)
    if as_json:
        answer({"files": len(report.loads), "rows_tried": tried, "rows_closed": tried - stay, "rows_open": stay})
    else:
        click.echo(f"{number_of(tried, 'row')} tried again, {tried - stay:,} taken and closed, {stay:,} left open")


@quarantine.command()
@_choice_options
@click.option("--dry-run", is_flag=True, help="Say how many rows it would be, and change nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@places
@click.pass_context
def discard(
    ctx: click.Context,
    entity: str | None,
    file: str | None,
    reason: str | None,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Give rows up: they are closed and their texts forgotten. The files they came in are not touched.

    Example: skillsmith-analytics quarantine discard --reason "unknown event_type" --dry-run
    """
    from ingest.quarantine import Choice, discard
    from orchestration.run_lock import run_lock
    from warehouse import open_warehouse

    with open_warehouse(warehouse_settings_of(ctx)) as warehouse:
        choice = Choice(entity, file, reason)
        found = discard(_made(warehouse), choice, dry_run=True)
        if found and not dry_run:
            if not yes:
                click.confirm(f"Discard {number_of(found, 'row')} of the quarantine for good?", abort=True, err=True)
            with run_lock(warehouse.settings):
                found = discard(warehouse, choice)
    if as_json:
        answer({"rows": found, "discarded": not dry_run})
    else:
        done = "would be" if dry_run else "is" if found == 1 else "are"
        click.echo(f"{number_of(found, 'row')} {done} discarded")


def _made(warehouse: Any) -> Any:
    """The warehouse, made or brought to this version where it is not."""
    from orchestration.pipeline import initialise

    initialise(warehouse)
    return warehouse
