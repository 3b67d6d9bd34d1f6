"""What the commands have in common: the options that say where and when, and how an answer is shown."""

import json
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from orchestration.clock import now, parse_time
from orchestration.progress import Progress, Silence, Terminal


class UtcTime(click.ParamType):
    """An ISO date or time, as UTC. `is_clock` says that it is taken for now: it may be no more than a day ahead."""

    name = "time"

    def __init__(self, *, is_clock: bool = False) -> None:
        self._is_clock = is_clock

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The value as a UTC time; a wrong one is a usage error."""
        if isinstance(value, datetime):
            return value
        try:
            moment = parse_time(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)
        if self._is_clock and moment > now() + timedelta(days=1):
            self.fail(f"{value!r} lies in the future; what is published as of then would be newer than all to come")
        return moment


def _keep(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    """A setting such as home; it may be given before or after the command's name, and the later one counts."""

    def keep(ctx: click.Context, _param: click.Parameter, value: Any) -> Any:
        places = ctx.ensure_object(dict)
        if value is not None:
            places[name] = value
        return value

    return keep


def places(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say where things are, on every command."""
    for name, kind, text in (
        ("drop", str, "Where source files arrive, a folder or a URL (SKILLSMITH_DROP; default <home>/drop)."),
        (
            "home",
            click.Path(path_type=Path),
            "Folder that holds everything the product writes (SKILLSMITH_HOME; default ./state).",
        ),
    ):
        command = click.option(f"--{name}", type=kind, expose_value=False, callback=_keep(name), help=text)(command)
    return command


as_of_option = click.option(
    "--as-of",
    type=UtcTime(is_clock=True),
    metavar="TIME",
    help="The clock, UTC: 2026-07-01 or 2026-07-01T06:00:00Z. Default: now.",
)
built_as_of_option = click.option(
    "--as-of", type=UtcTime(), metavar="TIME", help="Refuse unless the last build is as of this time (UTC)."
)
wait_option = click.option(
    "--wait",
    type=click.IntRange(0, 86_400),
    metavar="SECONDS",
    expose_value=False,
    callback=_keep("wait_seconds"),
    help="How long to wait for another run that writes (SKILLSMITH_WAIT_SECONDS; default 3); then refuse.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Answer as JSON on standard output.")
older_option = click.option(
    "--allow-older", is_flag=True, help="Let it pass that what is published is as of a later time."
)


def settings_of(ctx: click.Context, **overrides: Any) -> Any:
    """The settings, with the places that were given on the command line."""
    from warehouse.settings import load_settings

    return load_settings(**ctx.find_object(dict) or {}, **overrides)


def warehouse_settings_of(ctx: click.Context) -> Any:
    """The settings of a warehouse that is there: a home that was mistyped is not to be made, nor found in order.

    Raises UsageError where it is not. A server is there or says so itself.
    """
    from warehouse.errors import UsageError

    settings = settings_of(ctx)
    if settings.engine == "duckdb" and not settings.warehouse_file.is_file():
        raise UsageError(f"there is no warehouse in {settings.home}; give its folder with --home")
    return settings


def progress_for(as_json: bool) -> Progress:
    """Progress for a person, or none beside an answer for a machine."""
    return Silence() if as_json else Terminal()


def answer(value: Any) -> None:
    """Print the value as JSON."""
    click.echo(json.dumps(_plain(value), indent=2, ensure_ascii=False))


def _plain(value: Any) -> Any:
    """The value as JSON has it: times as ISO text in UTC, paths as text."""
    if is_dataclass(value) and not isinstance(value, type):
        return _plain(asdict(value))
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(part) for part in value]
    if isinstance(value, datetime):
        utc = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
        return utc.isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)
