"""The worked examples of the metrics, as dbt unit tests, on both engines."""

from datetime import UTC, datetime

from orchestration.dbt_runner import run_dbt
from orchestration.pipeline import initialise
from tests.conftest import postgres_takes_long
from warehouse import Warehouse

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)


@postgres_takes_long
def test_every_dbt_unit_test_passes(warehouse: Warehouse) -> None:
    initialise(warehouse)
    # Unit tests ask the warehouse for the columns of what a model reads, so that has to be there; nothing has arrived.
    run_dbt(warehouse, ["seed"], as_of=AS_OF)
    run_dbt(warehouse, ["run"], as_of=AS_OF)
    run = run_dbt(warehouse, ["test", "--select", "test_type:unit"], as_of=AS_OF)
    failed = {result.name: result.message for result in run.results if result.status != "pass"}
    assert failed == {}
    assert len(run.results) > 0
