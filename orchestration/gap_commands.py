"""`gaps`: what should have come and has not."""

import click

from orchestration.cli_options import answer, json_option, places, warehouse_settings_of


@click.group()
def gaps() -> None:
    """What should have arrived and has not: by source, entity, file or day, until it is closed.

    Example: skillsmith-analytics gaps list
    """


@gaps.command("list")
@json_option
@places
@click.pass_context
def list_(ctx: click.Context, as_json: bool) -> None:
    """Every open gap, with what was expected and what is there.

    Example: skillsmith-analytics gaps list --json
    """
    from ingest.completeness import open_gaps
    from orchestration.pipeline import describe_gap, initialise
    from warehouse import open_warehouse

    with open_warehouse(warehouse_settings_of(ctx)) as warehouse:
        initialise(warehouse)
        with warehouse.write("import") as writer:
            found = open_gaps(writer)
    if as_json:
        answer(found)
        return
    if not found:
        click.echo("no gap is open")
    for gap in found:
        click.echo(f"{gap['gap_id'][:8]}  {describe_gap(gap)}")


@gaps.command()
@click.argument("gap_id")
@click.option("--because", required=True, help="Why the missing rows will never come; kept with the gap.")
@places
@click.pass_context
def accept(ctx: click.Context, gap_id: str, because: str) -> None:
    """Close a gap for good, because what is missing never was or never will be.

    GAP_ID is as `gaps list` shows it.

    Example: skillsmith-analytics gaps accept 1f0c9a2b --because "the exporter was off on that day"
    """
    if not because.strip():
        raise click.BadParameter("say why; it is all that is left of the gap", ctx, param_hint="--because")
    from ingest.completeness import accept_gap
    from orchestration.pipeline import initialise
    from orchestration.run_lock import run_lock
    from warehouse import open_warehouse

    with open_warehouse(warehouse_settings_of(ctx)) as warehouse, run_lock(warehouse.settings):
        initialise(warehouse)
        with warehouse.write("import") as writer:
            accept_gap(writer, gap_id, because)
    click.echo("the gap is closed")
