"""dbt's tests of the data find what is wrong and say what it is, on both engines."""

from datetime import UTC, datetime

from orchestration.check_rows import dbt_check_rows
from orchestration.dbt_runner import manifest_of, run_dbt
from orchestration.pipeline import initialise
from tests.conftest import postgres_takes_long
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


@postgres_takes_long
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


@postgres_takes_long
def test_a_value_that_no_page_knows_and_a_parent_that_is_gone_break_the_grain(warehouse: Warehouse) -> None:
    initialise(warehouse)
    with warehouse.write() as writer:
        for statement in (
            "create schema if not exists build",
            "create table build.mrr_bridge (month date, segment text)",
            "insert into build.mrr_bridge values ('2026-05-01', 'team'), ('2026-06-01', 'oem'), ('2026-06-01', 'Team')",
        ):
            writer.execute(statement)
    status, observed = _observed(warehouse, "grain_of_mrr_bridge")
    assert status == "failed"
    unknown = "segment is none of total, individual, team, enterprise, oem"
    assert observed == f"1 failing rows, such as what_is_broken = {unknown}; how_often = 1"

    nodes = manifest_of(warehouse)["nodes"].values()
    [grain] = [node["test_metadata"]["kwargs"] for node in nodes if node["name"] == "grain_of_team_onboarding"]
    others = ", ".join(f"1 as {name}" for name in grain["required"])
    with warehouse.write() as writer:
        writer.execute("create table build.teams as select 'red' as team_id")
        writer.execute(
            f"create table build.team_onboarding as select team_id, cohort_month, day, {others} "
            "from (values ('red', 1, 0), ('blue', 1, 0), ('blue', 1, 1)) as given (team_id, cohort_month, day)"
        )
    status, observed = _observed(warehouse, "grain_of_team_onboarding")
    assert status == "failed"
    assert observed == "1 failing rows, such as what_is_broken = team_id is not in teams; how_often = 2"


@postgres_takes_long
def test_a_column_that_a_kept_table_lacks_is_added_and_its_rows_stay(warehouse: Warehouse) -> None:
    initialise(warehouse)
    model = "int_availability_days"
    run_dbt(warehouse, ["build", "--select", f"+{model}", "--exclude-resource-type", "unit_test", "test"], as_of=AS_OF)
    with warehouse.write() as writer:
        columns = [
            row["column_name"]
            for row in writer.fetch(
                f"select column_name from information_schema.columns where table_name = '{model}' order by column_name"
            )
        ]
        gone = next(name for name in columns if name not in ("day", "component"))
        writer.execute(f"alter table intermediate.{model} drop column {gone}")
        writer.execute(f"insert into intermediate.{model} (day) values ('2020-01-01')")
    run_dbt(warehouse, ["run", "--select", model], as_of=AS_OF)
    with warehouse.write() as writer:
        rows = writer.fetch(f"select day, {gone} as gone from intermediate.{model}")
    assert [(str(row["day"]), row["gone"]) for row in rows] == [("2020-01-01", None)]


@postgres_takes_long
def test_a_set_of_assumptions_without_both_factors_is_a_warning_that_names_it(warehouse: Warehouse) -> None:
    initialise(warehouse)
    with warehouse.write() as writer:
        for statement in (
            "create schema if not exists intermediate",
            "create table intermediate.int_time_saved_assumptions as select assumption_set, skill_name from "
            "(values ('default', '*'), ('default', 'commit'), ('b', '*')) as given (assumption_set, skill_name)",
            "create table intermediate.int_time_saved_factors as select assumption_set, factor from "
            "(values ('default', 'kept'), ('default', 'incremental'), ('b', 'kept')) as given (assumption_set, factor)",
        ):
            writer.execute(statement)
    assert _observed(warehouse, "assert_assumption_sets_have_both_factors") == (
        "failed",
        "1 failing rows, such as assumption_set = b; factors_known = 1",
    )

    with warehouse.write() as writer:
        writer.execute("insert into intermediate.int_time_saved_factors values ('b', 'incremental')")
    assert _observed(warehouse, "assert_assumption_sets_have_both_factors") == ("passed", "0 failing rows")
