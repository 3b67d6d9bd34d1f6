"""A server's warehouse in the middle of a day: yesterday built, today imported and its build compiled but not run."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from ingest.files import import_drop
from ingest.simulator import simulate
from orchestration.dbt_runner import run_dbt
from orchestration.pipeline import initialise
from tests.integration.parity import LAST_DAY, move_days
from warehouse import Warehouse, open_warehouse
from warehouse.settings import Settings

AS_OF = datetime.combine(LAST_DAY + timedelta(days=1), time(6), UTC)


@contextmanager
def compiled_day(settings: Settings, folder: Path, *, days: int, accounts: int, events: int) -> Iterator[Warehouse]:
    """The warehouse of a simulated world whose last day is today; the SQL of each model is under <home>/dbt/target."""
    drop, held = folder / "drop", folder / "held"
    simulate(drop, days=days, accounts=accounts, seed=5, events=events, until=LAST_DAY)
    move_days(drop, held, {LAST_DAY})
    with open_warehouse(settings) as warehouse:
        initialise(warehouse)
        import_drop(warehouse, drop, as_of=AS_OF - timedelta(days=1))
        run_dbt(warehouse, ["seed"], as_of=AS_OF - timedelta(days=1))
        run_dbt(warehouse, ["run"], as_of=AS_OF - timedelta(days=1))
        move_days(held, drop, {LAST_DAY})
        import_drop(warehouse, drop, as_of=AS_OF)
        run_dbt(warehouse, ["compile", "--select", "resource_type:model"], as_of=AS_OF)
        yield warehouse


def compiled_sql(settings: Settings, model: str) -> str:
    """What the model asks."""
    [path] = (settings.home / "dbt" / "target" / "compiled").rglob(f"{model}.sql")
    return path.read_text()
