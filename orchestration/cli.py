"""The one command, `skillsmith-analytics`.

A command reads its options, calls one function and shows the answer; what a step does is in `orchestration.pipeline`.
Everything heavy is imported inside the command that needs it. Exit codes: 0 done, 1 failed, 2 wrong call, 3 a blocking
check evaluated false and publishing was refused, 130 stopped by Ctrl-C, 141 the reader of the output went away.
"""

import gc
import os
import select
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from orchestration import interrupts
from orchestration.cli_options import (
    UtcTime,
    answer,
    as_of_option,
    built_as_of_option,
    json_option,
    older_option,
    places,
    progress_for,
    settings_of,
    wait_option,
)
from orchestration.clock import now
from orchestration.gap_commands import gaps
from orchestration.live_commands import pull
from orchestration.quarantine_commands import quarantine
from orchestration.upkeep_commands import erase, mend_keys, retention

WRONG_CALL, INTERRUPTED, READER_GONE = 2, 130, 141

COLLECTION = (200_000, 20, 20)
"""Thresholds of Python's garbage collector. Dagster and dbt make millions of objects that live as long as the command;
looking through them as often as Python does by itself is a fifth of a refresh's time."""


class _Commands(click.Group):
    """The commands. Where the reader of the output (head, less) has seen enough, they end as SIGPIPE ends others."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was called; click itself would take any broken pipe for a failure without a word."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:
            if not _is_reader_gone():
                raise RuntimeError(f"a pipe broke that is not the output: {error}") from error
            # Nothing is left to say, also not at exit.
            for stream in (sys.stdout, sys.stderr):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
            ctx.exit(READER_GONE)


def _is_reader_gone() -> bool:
    outputs = select.poll()
    for stream in (sys.stdout, sys.stderr):
        outputs.register(stream.fileno(), 0)
    # A pipe says the one, a socket the other.
    return any(what & (select.POLLERR | select.POLLHUP) for _, what in outputs.poll(0))


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="skillsmith-analytics")
@places
def cli() -> None:
    """Skillsmith's analytics: from source files to published dashboards.

    Example: skillsmith-analytics refresh --drop ./drop
    """


@cli.command()
@click.option("--out", type=click.Path(path_type=Path), help="Drop folder to write; default is --drop.")
@click.option("--days", type=click.IntRange(min=1), default=180, show_default=True, help="Days of history.")
@click.option("--accounts", type=click.IntRange(min=1), default=40, show_default=True, help="Accounts in the world.")
@click.option("--seed", type=int, default=7, show_default=True, help="Same seed, same bytes.")
@click.option(
    "--events", type=click.IntRange(min=0), default=300_000, show_default=True, help="Registry events, about."
)
@click.option("--until", type=UtcTime(), metavar="DAY", help="Last day of the data; default yesterday (UTC).")
@json_option
@places
@click.pass_context
def simulate(
    ctx: click.Context,
    out: Path | None,
    days: int,
    accounts: int,
    seed: int,
    events: int,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Write a drop folder with a believable, dirty world, and answers.json with the truth about it.

    Example: skillsmith-analytics simulate --out ./drop --days 30 --accounts 10 --seed 7
    """
    from ingest.simulator import simulate as write_world

    folder: Path | str = out or settings_of(ctx).drop_folder
    if isinstance(folder, str):
        from warehouse.errors import UsageError

        raise UsageError(f"a simulated world is written into a folder, not into {folder}; give one with --out")
    progress = progress_for(as_json)
    last_day: date = (until or now() - timedelta(days=1)).date()
    with progress.step("simulate"):
        answers = write_world(
            folder, days=days, accounts=accounts, seed=seed, events=events, until=last_day, progress=progress.share
        )
    if as_json:
        answer(answers)


@cli.command()
@json_option
@places
@click.pass_context
def init(ctx: click.Context, as_json: bool) -> None:
    """Make the warehouse, or bring it to this version: schemas, tables and, on a server, extension and roles.

    Dagster's settings too. Safe to repeat; a warehouse of a newer version is refused. On PostgreSQL its user
    needs the right to make roles (and the extension, where that is not there yet); everything else runs with less.

    Example: skillsmith-analytics init --home ./state
    """
    from orchestration.dagster_home import prepare_dagster_home
    from orchestration.pipeline import install
    from orchestration.run_lock import run_lock
    from warehouse import open_warehouse

    settings = settings_of(ctx)
    with run_lock(settings), open_warehouse(settings) as warehouse:
        install(warehouse)
    prepare_dagster_home(settings)
    if as_json:
        answer({"home": settings.home, "engine": settings.engine})


@cli.command()
@places
@click.pass_context
def prepare(ctx: click.Context) -> None:
    """Read the dbt project ahead of the first run, which would take some ten seconds longer for it.

    Set-up does it, and so may the build of an image; a run that finds the project changed does it itself.

    Example: skillsmith-analytics prepare
    """
    from orchestration.dbt_runner import manifest_of
    from warehouse import open_warehouse

    with open_warehouse(settings_of(ctx)) as warehouse, progress_for(False).step("prepare"):
        manifest_of(warehouse)


@cli.command("import")
@as_of_option
@click.option("--entity", "entities", multiple=True, metavar="SOURCE/ENTITY", help="Only this entity; may repeat.")
@wait_option
@json_option
@places
@click.pass_context
def import_(ctx: click.Context, as_of: datetime | None, entities: tuple[str, ...], as_json: bool) -> None:
    """Import what is new in the drop folder; what was imported before costs nothing.

    Example: skillsmith-analytics import --drop ./drop
    """
    from orchestration.pipeline import import_lines, import_sources
    from warehouse import open_warehouse

    with open_warehouse(settings_of(ctx)) as warehouse:
        report = import_sources(
            warehouse, as_of=as_of or now(), entities=entities or None, progress=progress_for(as_json)
        )
    if as_json:
        refused = [{"file_name": load.file_name, "error": load.error} for load in report.refused]
        answer({"entities": import_lines(report), "refused": refused})
    if report.refused:
        from warehouse.errors import RefusedFileError

        raise RefusedFileError(f"{len(report.refused)} files were refused (named above); the others are imported")


@cli.command()
@as_of_option
@wait_option
@json_option
@places
@click.pass_context
def build(ctx: click.Context, as_of: datetime | None, as_json: bool) -> None:
    """Build every table from what is imported, and run dbt's data tests. Nothing is published yet.

    Example: skillsmith-analytics build --as-of 2026-07-01
    """
    from orchestration import pipeline
    from warehouse import open_warehouse

    with open_warehouse(settings_of(ctx)) as warehouse:
        report = pipeline.build(warehouse, as_of=as_of or now(), progress=progress_for(as_json))
    if as_json:
        answer(report)


@cli.command()
@built_as_of_option
@older_option
@wait_option
@json_option
@places
@click.pass_context
def check(ctx: click.Context, as_of: datetime | None, allow_older: bool, as_json: bool) -> None:
    """Check the last build at both borders; exit 3 where a blocking check fails.

    Example: skillsmith-analytics check --json
    """
    from orchestration import pipeline
    from warehouse import open_warehouse

    with open_warehouse(settings_of(ctx)) as warehouse:
        pipeline.require_clock(warehouse, as_of)
        report = pipeline.check(warehouse, allow_older=allow_older, progress=progress_for(as_json))
    if as_json:
        answer(report)
    pipeline.require_passed(report)


@cli.command()
@built_as_of_option
@older_option
@wait_option
@json_option
@places
@click.pass_context
def publish(ctx: click.Context, as_of: datetime | None, allow_older: bool, as_json: bool) -> None:
    """Publish the last build as one snapshot, unless a blocking check of it failed (exit 3).

    Example: skillsmith-analytics publish
    """
    from orchestration import pipeline
    from warehouse import open_warehouse

    with open_warehouse(settings_of(ctx)) as warehouse:
        pipeline.require_clock(warehouse, as_of)
        progress = progress_for(as_json)
        pipeline.build_after_checks(warehouse, progress=progress)
        snapshot = pipeline.publish_build(warehouse, allow_older=allow_older, progress=progress)
    if as_json:
        answer(snapshot)


@cli.command()
@as_of_option
@older_option
@wait_option
@json_option
@places
@click.pass_context
def refresh(ctx: click.Context, as_of: datetime | None, allow_older: bool, as_json: bool) -> None:
    """Import, build, check and publish: the one Dagster job, in this process.

    Example: skillsmith-analytics refresh --drop ./drop --as-of 2026-07-01T06:00:00Z
    """
    from orchestration.refresh import refresh as run_refresh

    snapshot = run_refresh(
        settings_of(ctx), as_of=as_of or now(), allow_older=allow_older, progress=progress_for(as_json)
    )
    if as_json:
        answer(snapshot)


@cli.command()
@json_option
@places
@click.pass_context
def status(ctx: click.Context, as_json: bool) -> None:
    """What is where: the snapshot, data until, the last import and build, the badge of each table.

    Example: skillsmith-analytics status --json
    """
    from orchestration.status import describe, read_status

    found = read_status(settings_of(ctx))
    if as_json:
        answer(found)
    else:
        click.echo(describe(found))


@cli.command()
@click.argument("table")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "csv", "json", "parquet"]),
    help="How to write the rows; default is table.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--where", metavar="SQL", help='Condition on the rows, such as "period_days = 28".')
@click.option("--limit", type=click.IntRange(min=0), help="At most this many rows (a table shows 50 unless told).")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write instead of standard output."
)
@places
@click.pass_context
def query(
    ctx: click.Context,
    table: str,
    form: str | None,
    as_json: bool,
    where: str | None,
    limit: int | None,
    out: Path | None,
) -> None:
    """Rows of one published table.

    Example: skillsmith-analytics query arr_plan --format csv --where "quarter >= '2026-01-01'" --limit 10
    """
    from orchestration.query import read_rows, write_rows

    if as_json and form not in (None, "json"):
        raise click.UsageError(f"--json and --format {form} are two answers; give one of them", ctx)
    form = "json" if as_json else form or "table"
    most = 50 if limit is None else limit
    # One more than a text table shows tells that there are more.
    rows = read_rows(settings_of(ctx), table, where=where, limit=most + 1 if form == "table" else limit)
    write_rows(rows, form, out, most=most)


@cli.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port to serve on (SKILLSMITH_PORT; default 8501).")
@places
@click.pass_context
def dashboard(ctx: click.Context, port: int | None) -> None:
    """Serve the dashboards until Ctrl-C.

    Example: skillsmith-analytics dashboard --port 8501
    """
    from orchestration.serving import serve_dashboards

    serve_dashboards(settings_of(ctx, port=port))


@cli.command()
@click.option("--port", type=click.IntRange(1, 65535), help="Port of the dashboards (default 8501).")
@click.option("--dagster-port", type=click.IntRange(1, 65535), default=3000, show_default=True, help="Dagster's port.")
@places
@click.pass_context
def dev(ctx: click.Context, port: int | None, dagster_port: int) -> None:
    """Serve Dagster's UI, its daemon (schedule and sensor) and the dashboards; Ctrl-C stops all.

    Example: skillsmith-analytics dev --dagster-port 3000
    """
    from orchestration.serving import serve_all

    serve_all(settings_of(ctx, port=port), dagster_port)


cli.add_command(pull)
cli.add_command(quarantine)
cli.add_command(gaps)
cli.add_command(erase)
cli.add_command(retention)
cli.add_command(mend_keys)


def main(arguments: list[str] | None = None) -> None:
    """Run the command and leave with its exit code; a known error is one line on standard error."""
    gc.set_threshold(*COLLECTION)
    code = run(arguments)
    # What is left ends with the process; nobody has to look through it once more.
    gc.freeze()
    sys.exit(code)


def run(arguments: list[str] | None = None) -> int:
    """Run the command; its exit code."""
    with interrupts.listening():
        return _run(arguments)


def _run(arguments: list[str] | None) -> int:
    try:
        # An exit code where the command left with one, None at its end.
        return cli.main(args=arguments, prog_name="skillsmith-analytics", standalone_mode=False) or 0
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        return INTERRUPTED
    except click.UsageError as error:
        where = f" (see {error.ctx.command_path} --help)" if error.ctx else ""
        click.echo(f"error: {error.format_message()}{where}", err=True)
        return WRONG_CALL
    except click.ClickException as error:
        click.echo(f"error: {error.format_message()}", err=True)
        return error.exit_code
    except BaseException as error:
        if interrupts.has_come():
            # An engine has made an error of it.
            click.echo("stopped", err=True)
            return INTERRUPTED
        code = _say_known(error)
        if code is None:
            raise
        return code


def _say_known(error: BaseException) -> int | None:
    """Say in one line what went wrong where the cause is known, and give its exit code; None where it is not."""
    from warehouse.errors import SkillsmithError

    if not isinstance(error, SkillsmithError):
        return None
    click.echo(f"error: {' '.join(str(error).split())}", err=True)
    return error.exit_code


if __name__ == "__main__":
    main()
