"""Where rows lie, and that a day's build works where they lie: EXPLAIN of every model as an incremental day has it."""

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from orchestration.dbt_runner import manifest_of, run_dbt
from orchestration.pipeline import initialise
from tests.integration.compiled_day import AS_OF, compiled_day, compiled_sql
from warehouse import Warehouse
from warehouse.errors import UsageError
from warehouse.settings import Settings

pytestmark = pytest.mark.citus

STAYS_ON_THE_WORKERS = frozenset(
    {
        "int_team_user_days",
        "int_skill_windows",
        "int_team_windows",
        "int_account_windows",
        "int_seat_states",
        "int_habitual_users",
        "int_time_saved_uses",
        "account_activity",
        "team_skill_usage",
    }
)
"""Models that grow with use and collect no worker's rows on their way; docs/scaling.md names those that do."""

FACTS_OF_DAYS = frozenset(
    {
        "int_skill_use_days",
        "int_skill_install_days",
        "int_skill_breakdown_days",
        "int_recommendation_days",
        "int_session_skills",
        "int_scraper_days",
    }
)
"""Models of raw events: a day's build may look at its own days of them."""


@pytest.fixture(scope="module")
def day(citus_settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    folder = tmp_path_factory.mktemp("day")
    with compiled_day(citus_settings, folder, days=12, accounts=4, events=1_500) as warehouse:
        yield warehouse


@pytest.fixture(scope="module")
def found(day: Warehouse) -> dict[str, str]:
    return plans(day)


def tables(warehouse: Warehouse) -> dict[str, dict[str, Any]]:
    """The project's models that are tables, by name."""
    nodes = manifest_of(warehouse)["nodes"].values()
    return {
        node["name"]: node
        for node in nodes
        if node["resource_type"] == "model" and node["config"]["materialized"] in ("table", "incremental")
    }


def plans(warehouse: Warehouse) -> dict[str, str]:
    """What Citus would do for each model. A join that it would have to move rows for is an error already."""
    assert warehouse.settings.warehouse_url is not None
    found = {}
    with psycopg.connect(
        warehouse.settings.warehouse_url.get_secret_value(),
        autocommit=True,
        options="-c timezone=UTC -c citus.enable_local_execution=off",
    ) as connection:
        assert connection.execute("show citus.enable_repartition_joins").fetchone() == ("off",)
        for name, node in tables(warehouse).items():
            sql = compiled_sql(warehouse.settings, name)
            statement = f"explain (costs off) insert into {node['schema']}.{name} {sql}"
            found[name] = "\n".join(row[0] for row in connection.execute(statement.encode()).fetchall())
    return found


def collected(plan: str) -> list[str]:
    """The steps of a plan that bring the rows of many shards to the coordinator before the last one runs."""
    tasks = [int(count) for count in re.findall(r"Task Count: (\d+)", plan)]
    return [f"{count} tasks" for count in tasks[:-1] if count > 1]


def reads_of_all_events(plan: str) -> list[str]:
    """The scans of raw events that a plan does not begin at a day: each with what it asks of its rows."""
    scans = re.findall(r"-> +([^\n]*Scan[^\n]* on registry_events_\d+[^\n]*(?:\n(?! *->)[^\n]*)*)", plan)
    assert scans, plan
    return [scan for scan in scans if "created_at >=" not in scan]


def test_no_model_of_a_day_moves_rows_for_a_join(found: dict[str, str]) -> None:
    assert {"int_skill_use_days", "int_team_windows", "team_activity", "mrr_by_account"} <= found.keys()
    assert [name for name, plan in found.items() if "MapMergeJob" in plan] == []
    assert {name: steps for name in STAYS_ON_THE_WORKERS if (steps := collected(found[name]))} == {}


def test_a_day_collects_no_events_of_the_days_before(found: dict[str, str]) -> None:
    assert {name: scans for name in FACTS_OF_DAYS if (scans := reads_of_all_events(found[name]))} == {}


def test_workers_join_as_a_model_says(day: Warehouse) -> None:
    [hook] = run_dbt(day, ["compile", "--inline", "{{ joins_by_hash() }}"], as_of=AS_OF).results
    with day.write(None) as writer, writer.transaction():
        asked = "select distinct current_setting('enable_nestloop') as is_on from raw.registry_events"
        assert writer.fetch(asked) == [{"is_on": "on"}]
        for statement in str(hook.sql).split(";"):
            writer.execute(statement)
        assert writer.fetch(asked) == [{"is_on": "off"}]


def test_every_table_lies_where_the_project_says_and_what_is_joined_lies_together(day: Warehouse) -> None:
    with day.write(None) as writer:
        lie = {
            row["name"]: (row["by"], row["colocationid"])
            for row in writer.fetch(
                "select logicalrelid::text as name, colocationid, "
                "case when partmethod = 'h' then column_to_column_name(logicalrelid, partkey) end as by "
                "from pg_dist_partition"
            )
        }
    wanted = {
        f"{node['schema']}.{name}": node["config"]["meta"].get("distributed_by")
        for name, node in tables(day).items()
        if not node["config"]["meta"].get("written_by")
    }
    assert {name: lie[name][0] for name in wanted} == wanted
    assert lie["raw.registry_events"][0] == "actor_key"
    by_text = {group for by, group in lie.values() if by in ("account_id", "actor_key", "request_id")}
    assert len(by_text) == 1
    assert [name for name in lie if "__dbt" in name] == []


def test_an_event_that_names_nobody_has_a_place_and_comes_once(day: Warehouse) -> None:
    with day.write(None) as writer:
        [before] = writer.fetch(
            "select count(*) as n, count(*) filter (where actor_key like '~%') as nobody, "
            "count(distinct event_id) as ids from raw.registry_events"
        )
        [facts] = writer.fetch(
            "select count(*) as n from intermediate.int_skill_use_days where actor_key like '~%' and not is_day_mark"
        )
    assert before["nobody"] > 0
    assert before["n"] == before["ids"]
    assert facts["n"] == 0


def test_a_model_that_is_placed_by_something_else_is_noticed(day: Warehouse) -> None:
    """What the first test looks for is there once a table that is joined by account lies by team."""
    place = "select alter_distributed_table('intermediate.int_team_windows', distribution_column := '{}')"
    with day.write(None) as writer:
        writer.execute(place.format("team_id"))
    try:
        found = plans(day)
    except psycopg.errors.FeatureNotSupported:
        return
    finally:
        with day.write(None) as writer:
            writer.execute(place.format("account_id"))
    assert collected(found["team_skill_usage"])


def test_a_database_with_both_extensions_is_refused(day: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("warehouse.postgres._has_timescale", lambda _writer: True)
    with pytest.raises(UsageError, match="TimescaleDB and Citus"):
        initialise(day)


def test_a_warehouse_that_was_made_before_citus_is_refused(day: Warehouse) -> None:
    with day.write(None) as writer:
        writer.execute("select undistribute_table('raw.registry_teams')")
    with pytest.raises(UsageError, match="before Citus"):
        initialise(day)
    with day.write(None) as writer:
        writer.execute("select create_reference_table('raw.registry_teams')")
