"""What leaves the warehouse: at a person's wish, because its time has passed, or because a later version is there."""

import os
import re
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestration.cli_options import answer, json_option, places, progress_for, warehouse_settings_of
from orchestration.clock import now
from orchestration.progress import number_of

if TYPE_CHECKING:
    from ingest.erasure import Certificate, Request
    from ingest.retention import Expiry
    from warehouse import Warehouse

_yes_option = click.option("--yes", is_flag=True, help="Do not ask.")


@click.group(invoke_without_command=True)
@click.option("--actor", metavar="ID", help="The person's id as the source knows it; - reads it from standard input.")
@click.option("--pseudonym", metavar="HEX", help="The person's pseudonym (actor_key), where only that is known.")
@click.option("--requested", is_flag=True, help="Everybody in the entity privacy/erasures who still waits.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
@_yes_option
@click.option(
    "--certificate",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the certificate to this file (Markdown).",
)
@json_option
@places
@click.pass_context
def erase(
    ctx: click.Context,
    actor: str | None,
    pseudonym: str | None,
    requested: bool,
    dry_run: bool,
    yes: bool,
    certificate: Path | None,
    as_json: bool,
) -> None:
    """Erase a person from every table and every published snapshot, for good.

    Rows that are delivered again later are left out. Figures follow at the next refresh. Run again after a kill, it
    goes on where it was. An id on the command line is seen by others on the machine; `--actor -` is not.

    Example: skillsmith-analytics erase --actor user-17 --dry-run
    """
    if ctx.invoked_subcommand is not None:
        return
    if sum((actor is not None, pseudonym is not None, requested)) != 1:
        raise click.UsageError("say who: --actor ID, --pseudonym HEX or --requested", ctx)
    if requested and (dry_run or certificate):
        raise click.UsageError("--requested has one certificate each; see `erase list` and `erase show`", ctx)
    from ingest import erasure
    from orchestration.run_lock import run_lock
    from warehouse import open_warehouse

    settings = warehouse_settings_of(ctx)
    if certificate is not None:
        _require_writable(certificate)
    request = None if requested else _request(actor, pseudonym, settings.pseudonym_key)
    progress = progress_for(as_json)
    with run_lock(settings), open_warehouse(settings) as warehouse:
        _bring_up(warehouse)
        if request is not None:
            with progress.step("look"):
                steps = erasure.plan(warehouse, request)
            if dry_run or not as_json:
                _say_plan(steps, as_json)
            if dry_run:
                return
        if not yes:
            click.confirm("Erase for good?", abort=True, err=True)

        def tell(place: str, action: str, rows: int) -> None:
            progress.line(place, rows=rows, note=action)

        with progress.step("erase"):
            if request is None:
                done = erasure.erase_requested(warehouse, tell=tell)
            else:
                done = erasure.erase(warehouse, [request], tell=tell)
    if certificate is not None:
        _write(certificate, erasure.certificate_text(done[0]))
    _say_certificates(done, as_json)


@erase.command("list")
@json_option
@places
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """Every certificate, the newest first.

    Example: skillsmith-analytics erase list
    """
    from ingest.erasure import certificates
    from warehouse import open_warehouse

    with open_warehouse(warehouse_settings_of(ctx)) as warehouse:
        _bring_up(warehouse)
        found = certificates(warehouse)
    _say_certificates(found, as_json)


@erase.command()
@click.argument("certificate_id")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="File to write instead of standard output."
)
@places
@click.pass_context
def show(ctx: click.Context, certificate_id: str, out: Path | None) -> None:
    """A certificate to be printed or sent, by its id or the beginning of it.

    Example: skillsmith-analytics erase show 20260701-1f --out certificate.md
    """
    from ingest.erasure import certificate_text, certificates
    from warehouse import open_warehouse

    with open_warehouse(warehouse_settings_of(ctx)) as warehouse:
        _bring_up(warehouse)
        [found] = certificates(warehouse, certificate_id)
    if out is None:
        click.echo(certificate_text(found))
    else:
        _write(out, certificate_text(found))


@click.command()
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
@_yes_option
@json_option
@places
@click.pass_context
def retention(ctx: click.Context, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Remove raw rows that have passed their time (SKILLSMITH_RETENTION); what was built from them stays.

    Example: skillsmith-analytics retention --dry-run
    """
    from ingest.retention import expire
    from orchestration.pipeline import retain
    from orchestration.run_lock import run_lock
    from warehouse import open_warehouse

    settings = warehouse_settings_of(ctx)
    with run_lock(settings), open_warehouse(settings) as warehouse:
        _bring_up(warehouse)
        found = expire(warehouse, now=now(), dry_run=True)
        if dry_run or not as_json:
            _say_expiries(found, as_json)
        if dry_run or not any(expiry.waits_because is None for expiry in found):
            if as_json and not dry_run:
                answer([])
            return
        if not yes:
            click.confirm("Remove them for good?", abort=True, err=True)
        done = retain(warehouse, now=now(), progress=progress_for(as_json))
    if as_json:
        answer(done)


@click.command("mend-keys")
@click.option("--dry-run", is_flag=True, help="Say what would go, and change nothing.")
@_yes_option
@json_option
@places
@click.pass_context
def mend_keys(ctx: click.Context, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Leave one row a key where a corrected time left an older version on another day (TimescaleDB alone).

    It reads every key that there is. Figures follow at the next refresh.

    Example: skillsmith-analytics mend-keys --dry-run
    """
    from ingest.repeated_keys import drop_repeated
    from orchestration.run_lock import run_lock
    from warehouse import open_warehouse

    settings = warehouse_settings_of(ctx)
    progress = progress_for(as_json)
    with run_lock(settings), open_warehouse(settings) as warehouse:
        _bring_up(warehouse)
        with progress.step("look"):
            found = drop_repeated(warehouse, dry_run=True)
        if not as_json:
            for repeats in found:
                days = f"{repeats.first_day} to {repeats.last_day}"
                click.echo(f"{repeats.rows:>9,}  {repeats.table}: older versions, of {days}")
            if not found:
                click.echo("every key stands once")
        if found and not dry_run:
            if not yes:
                click.confirm("Remove the older versions?", abort=True, err=True)
            with progress.step("mend"):
                found = drop_repeated(warehouse)
    if as_json:
        answer(found)


def _require_writable(path: Path) -> None:
    """Who is erased is so for good; that the certificate cannot be written is to be known before."""
    from warehouse.errors import UsageError

    if not os.access(path if path.exists() else path.absolute().parent, os.W_OK):
        raise UsageError(f"{path} cannot be written; choose another place for the certificate")


def _bring_up(warehouse: "Warehouse") -> None:
    from orchestration.pipeline import initialise

    initialise(warehouse)


def _request(actor: str | None, pseudonym: str | None, key: bytes) -> "Request":
    from ingest.erasure import Request
    from ingest.privacy import pseudonym as pseudonym_of

    if pseudonym is not None:
        if not re.fullmatch("[0-9a-f]{64}", pseudonym):
            raise click.UsageError("--pseudonym is 64 hexadecimal digits, as in a column actor_key")
        return Request(pseudonym)
    if actor == "-":
        actor = sys.stdin.readline().rstrip("\n")
    if not actor:
        raise click.UsageError("the person's id is empty")
    if re.fullmatch("[0-9a-f]{64}", actor):
        raise click.UsageError("that looks like a pseudonym; give it with --pseudonym, or the person's own id")
    return Request(pseudonym_of(key, actor), actor)


def _say_plan(steps: list[tuple[str, str, int]], as_json: bool) -> None:
    if as_json:
        answer([{"place": place, "action": action, "rows": rows} for place, action, rows in steps])
        return
    for place, action, rows in steps:
        click.echo(f"{rows:>9,}  {place}: {action}")
    if not steps:
        click.echo("nothing of this person is there; rows that may come will be left out")


def _say_certificates(found: "list[Certificate]", as_json: bool) -> None:
    if as_json:
        answer(found)
        return
    if not found:
        click.echo("no certificate; nobody was to be erased")
    for certificate in found:
        state = f"completed {_time(certificate.completed_at)}" if certificate.completed_at else "NOT COMPLETED"
        click.echo(
            f"{certificate.certificate_id}  {certificate.request}  {state}  {number_of(certificate.rows, 'row')}"
        )


def _say_expiries(found: "list[Expiry]", as_json: bool) -> None:
    if as_json:
        answer(found)
        return
    for expiry in found:
        waits = f", but {expiry.waits_because}" if expiry.waits_because else ""
        rows, days = number_of(expiry.rows, "row"), number_of(expiry.days, "day")
        click.echo(
            f"{rows:>16} of {days} of {expiry.table}, before {expiry.kept_from} (kept {expiry.keep_days} days){waits}"
        )
    if not found:
        click.echo("nothing has passed its time")


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC"


def _write(path: Path, text: str) -> None:
    from warehouse.errors import StorageError

    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise StorageError(
            f"cannot write {path}: {error.strerror}; `erase show` gives the certificate again"
        ) from error
