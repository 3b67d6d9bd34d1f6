"""dbt's tests of the data find what is wrong and say what it is, on both engines."""

from datetime import UTC, datetime

from orchestration.check_rows import dbt_check_rows
from orchestration.dbt_runner import manifest_of, run_dbt
from orchestration.pipeline import initialise
from warehouse import Warehouse

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)


def _observed(warehouse: Warehouse, test: str) -> tuple[str, str]:
    """Status and text of one test, as `ops.check_results` has them."""
    run = run_dbt(warehouse, ["test", "--select", test], as_of=AS_OF)
    with warehouse.write() as writer:
        rows = dbt_check_rows(run.results, manifest_of(warehouse), "b1", AS_OF, writer.fetch)
    assert len(rows) == 1
    assert rows[0]["reason"]
    return rows[0]["status"], rows[0]["observed"]


def test_a_key_that_is_missing_or_stands_twice_breaks_the_grain(warehouse: Warehouse) -> None:
    initialise(warehouse)
    run_dbt(warehouse, ["seed", "--select", "sla_tiers"], as_of=AS_OF)
    assert _observed(warehouse, "grain_of_sla_tiers") == ("passed", "0 failing rows")

    with warehouse.write() as writer:
        writer.execute("insert into seeds.sla_tiers select * from seeds.sla_tiers where sla_tier = 'standard'")
    status, observed = _observed(warehouse, "grain_of_sla_tiers")
    assert status == "failed"
    assert observed == "1 failing rows, such as what_is_broken = sla_tier stands more than once; how_often = 1"

    with warehouse.write() as writer:
        writer.execute("delete from seeds.sla_tiers where sla_tier = 'standard'")
        writer.execute("update seeds.sla_tiers set sla_tier = null where sla_tier = 'premium'")
    status, observed = _observed(warehouse, "grain_of_sla_tiers")
    assert status == "failed"
    assert observed == "1 failing rows, such as what_is_broken = sla_tier is NULL; how_often = 1"


def test_a_column_that_every_row_must_have_is_part_of_the_grain(duckdb_warehouse: Warehouse) -> None:
    initialise(duckdb_warehouse)
    run_dbt(duckdb_warehouse, ["seed", "--select", "tier_aliases"], as_of=AS_OF)
    with duckdb_warehouse.write() as writer:
        writer.execute("update seeds.tier_aliases set alias = null")
        rows = writer.fetch("select count(*) as n from seeds.tier_aliases")[0]["n"]
    status, observed = _observed(duckdb_warehouse, "grain_of_tier_aliases")
    assert status == "failed"
    assert f"alias is NULL; how_often = {rows}" in observed
