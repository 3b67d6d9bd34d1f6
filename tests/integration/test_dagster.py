"""Dagster's side: what it knows, when a run starts, what is tried again, and that it starts and stops as a whole."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from pydantic import SecretStr

from ingest.contracts import CONTRACTS
from orchestration import pipeline
from orchestration.assets import AS_OF_TAG, SNAPSHOT, Run, built_assets, raw_assets
from orchestration.checks import border_checks
from orchestration.dagster_home import WRITER_POOL, prepare_dagster_home
from orchestration.dbt_runner import manifest_of
from orchestration.definitions import definitions_of
from orchestration.jobs import REFRESH
from orchestration.upkeep_job import RETENTION, upkeep_definitions
from warehouse import open_warehouse
from warehouse.settings import DBT_PROJECT, Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
KEY = "a key for tests only"
PAGES = {"team", "skill", "time_saved", "recommendations", "onboarding", "my_usage", "account", "executive", "data"}

HOLDER = """
import sys
from orchestration.run_lock import run_lock
from warehouse.settings import load_settings
with run_lock(load_settings(home=sys.argv[1])):
    print("running", flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(scope="module")
def module_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    folder = tmp_path_factory.mktemp("dagster")
    return load_settings(home=folder / "home", drop=folder / "drop", secret=KEY)


@pytest.fixture(scope="module")
def manifest(module_settings: Settings) -> Mapping[str, Any]:
    with open_warehouse(module_settings) as warehouse:
        return manifest_of(warehouse)


@pytest.fixture(scope="module")
def defined(module_settings: Settings, manifest: Mapping[str, Any]) -> dg.Definitions:
    return definitions_of(Run(module_settings), manifest)


@pytest.fixture(scope="module")
def parents(defined: dg.Definitions) -> dict[dg.AssetKey, set[dg.AssetKey]]:
    """Every asset that a run or a reader makes, with those it is made from; what is only looked at is left out."""
    graph = defined.resolve_asset_graph()
    made = set(graph.materializable_asset_keys) | {
        key for key in graph.get_all_asset_keys() if key.path[0] == "dashboards"
    }
    return {key: set(graph.get(key).parent_keys) for key in made}


def names_in(parents: Mapping[dg.AssetKey, object], *schemas: str) -> list[str]:
    return sorted(key.path[-1] for key in parents if key.path[0] in schemas)


def test_every_raw_entity_is_an_asset(parents: dict[dg.AssetKey, set[dg.AssetKey]]) -> None:
    assert names_in(parents, "raw") == sorted(contract.table.name for contract in CONTRACTS.values())


def test_every_dbt_model_and_seed_is_an_asset_named_like_its_file(parents: dict[dg.AssetKey, set[dg.AssetKey]]) -> None:
    models = sorted(path.stem for path in (DBT_PROJECT / "models").rglob("*.sql"))
    beside = ["check_results", "metric_definitions", "skill_suggestions"]
    assert names_in(parents, "staging", "intermediate", "marts", "build", "ops") == sorted(models + beside)
    assert names_in(parents, "seeds") == sorted(path.stem for path in (DBT_PROJECT / "seeds").rglob("*.csv"))


def test_the_pages_are_last_and_stand_behind_the_snapshot(parents: dict[dg.AssetKey, set[dg.AssetKey]]) -> None:
    pages = {key for key in parents if key.path[0] == "dashboards"}
    assert {key.path[-1] for key in pages} == PAGES
    assert [parents[page] for page in pages] == [{SNAPSHOT}] * len(pages)
    assert not pages & set().union(*parents.values())


def test_the_snapshot_waits_for_everything_that_is_built(parents: dict[dg.AssetKey, set[dg.AssetKey]]) -> None:
    before: set[dg.AssetKey] = set()
    waiting = {SNAPSHOT}
    while waiting:
        key = waiting.pop()
        waiting |= parents.get(key, set()) - before
        before |= parents.get(key, set())
    built = {key for key in parents if key.path[0] in ("build", "ops")}
    assert built <= before
    assert dg.AssetKey(["raw", "registry_events"]) in before


def test_the_refresh_starts_daily_at_six_utc_as_of_that_moment(defined: dg.Definitions) -> None:
    schedule = defined.resolve_schedule_def("daily_refresh")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 6 * * *", "UTC")
    assert schedule.job_name == REFRESH
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING

    due = datetime(2026, 7, 1, 6, tzinfo=UTC)
    ticked = schedule.evaluate_tick(dg.build_schedule_context(scheduled_execution_time=due))

    [request] = ticked.run_requests or []
    assert request.tags[AS_OF_TAG] == "2026-07-01T06:00:00+00:00"


def test_the_sensor_asks_for_one_run_once_new_files_have_settled(
    defined: dg.Definitions, module_settings: Settings
) -> None:
    sensor = defined.resolve_sensor_def("new_files")
    folder = module_settings.drop_folder / "finance" / "costs"
    cursor: str | None = None

    def look() -> list[str]:
        """One look of the daemon: the keys of the runs it would start."""
        nonlocal cursor
        found = sensor.evaluate_tick(dg.build_sensor_context(cursor=cursor))
        cursor = found.cursor or cursor
        assert bool(found.run_requests) != bool(found.skip_message)
        return [request.run_key or "" for request in found.run_requests or []]

    assert look() == [], "there is no drop folder"
    folder.mkdir(parents=True)
    assert look() == [], "there is no file in it"
    (folder / "a.csv").write_text("month,category,amount_cents\n2026-06,tools,100\n")
    assert look() == [], "a file that has just been seen may still be growing"
    with (folder / "a.csv").open("a") as file:
        file.write("2026-06,legal,100\n")
    assert look() == [], "it did grow"
    first = look()
    assert len(first) == 1
    assert look() == look() == [], "nothing has come since"
    (folder / "b.csv").write_text("month,category,amount_cents\n2026-07,tools,100\n")
    assert look() == []
    second = look()
    assert len(second) == 1
    assert second != first, "Dagster starts no second run of the same key"
    assert look() == []
    (folder / "b.csv").unlink()
    assert look() == []
    third = look()
    assert len(third) == 1
    assert third not in (first, second), "the folder is again what it was at the first run, and that is news"


def test_a_busy_warehouse_is_tried_again_and_then_said(settings: Settings) -> None:
    settings.drop_folder.mkdir(parents=True)
    run = Run(settings, retries=1, retry_seconds=0.1)
    with dg.DagsterInstance.ephemeral() as instance:
        with another_run(settings.home):
            failed = dg.materialize([raw_assets(run)], instance=instance, raise_on_error=False)
        again = dg.materialize([raw_assets(run)], instance=instance, raise_on_error=False)

    assert not failed.success
    assert [event.event_type_value for event in failed.all_events].count("STEP_UP_FOR_RETRY") == 1
    [failure] = [event for event in failed.all_events if event.is_step_failure]
    assert "another run is writing" in str(failure.step_failure_data.error_display_string)
    assert again.success


def test_what_cannot_pass_by_itself_is_not_tried_again(settings: Settings) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        failed = dg.materialize([raw_assets(Run(settings))], instance=instance, raise_on_error=False)

    assert not failed.success
    assert "STEP_UP_FOR_RETRY" not in [event.event_type_value for event in failed.all_events]
    [failure] = [event for event in failed.all_events if event.is_step_failure]
    assert "is not there; give the folder that files arrive in" in str(failure.step_failure_data.error_display_string)


def test_one_asset_imports_its_own_entity_and_says_what_came(settings: Settings) -> None:
    for entity, columns, row in (
        ("costs", "month,category,amount_cents", "2026-06,tools,100"),
        ("costs", "month,category,amount_cents", "2026-06,legal,200"),
    ):
        folder = settings.drop_folder / "finance" / entity
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{row[-3:]}.csv").write_text(f"{columns}\n{row}\n")
    skills = settings.drop_folder / "registry" / "skills"
    skills.mkdir(parents=True)
    (skills / "x.csv").write_text("skill_id,skill_name\n1,a/b\n")
    key = dg.AssetKey(["raw", "finance_costs"])

    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize([raw_assets(Run(settings))], instance=instance, selection=[key])

    events = done.get_asset_materialization_events()
    assert {event.asset_key for event in events} == {key}
    assert [event.partition for event in events if event.partition] == ["2026-06-01"]
    [event] = [event for event in events if not event.partition]
    facts = {name: value.value for name, value in event.materialization.metadata.items()}
    assert (facts["dagster/row_count"], facts["files"], facts["rows_loaded"]) == (2, 2, 2)
    with open_warehouse(settings) as warehouse, warehouse.write() as writer:
        assert writer.fetch("select count(*) as n from raw.registry_skills") == [{"n": 0}]


def test_a_run_of_one_day_says_how_many_rows_there_are_of_it_and_not_of_all(settings: Settings) -> None:
    folder = settings.drop_folder / "finance" / "costs"
    folder.mkdir(parents=True)
    (folder / "a.csv").write_text("month,category,amount_cents\n2026-06,tools,100\n2026-07,tools,100\n")
    # What has no day has no partition either, and may be asked for in the same run.
    keys = [dg.AssetKey(["raw", name]) for name in ("finance_costs", "registry_skills")]

    with dg.DagsterInstance.ephemeral() as instance:

        def marked(day: str) -> dict[str | None, object]:
            done = dg.materialize([raw_assets(Run(settings))], instance=instance, selection=keys, partition_key=day)
            return {
                event.partition: event.materialization.metadata["dagster/partition_row_count"].value
                for event in done.get_asset_materialization_events()
                if event.asset_key == keys[0]
            }

        assert marked("2026-05-01") == {"2026-05-01": 0, "2026-06-01": 1, "2026-07-01": 1}
        assert marked("2026-07-01") == {"2026-07-01": 1}
        assert marked("2026-01-05") == {"2026-01-05": 0}


@pytest.mark.long
def test_one_table_asked_for_by_itself_is_built_with_the_others_and_alone_is_told(
    settings: Settings, manifest: Mapping[str, Any]
) -> None:
    key = dg.AssetKey(["build", "accounts"])
    with open_warehouse(settings) as warehouse:
        pipeline.install(warehouse)
    with dg.DagsterInstance.ephemeral() as instance:
        done = dg.materialize(built_assets(Run(settings), manifest), instance=instance, selection=[key])
    assert [event.asset_key for event in done.get_asset_materialization_events()] == [key]


def test_retention_waits_for_another_run_and_tries_again(settings: Settings) -> None:
    job = upkeep_definitions(Run(settings, retries=1, retry_seconds=0.1)).resolve_job_def(RETENTION)
    with dg.DagsterInstance.ephemeral() as instance, another_run(settings.home):
        failed = job.execute_in_process(instance=instance, raise_on_error=False)
    assert [event.event_type_value for event in failed.all_events].count("STEP_UP_FOR_RETRY") == 1


def test_one_step_writes_at_a_time(settings: Settings) -> None:
    with dg.DagsterInstance.from_config(str(prepare_dagster_home(settings))) as instance:
        limits = instance.get_concurrency_config().pool_config
        assert limits.default_pool_limit == 1
        assert str(limits.pool_granularity.value) == "op"
        assert not instance.telemetry_enabled


def test_dagster_may_keep_its_runs_in_a_postgresql_server(
    settings: Settings, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKILLSMITH_DAGSTER_URL", postgres_url)
    given = settings.model_copy(update={"dagster_url": SecretStr(postgres_url)})

    @dg.asset
    def something() -> None:
        """Nothing, once."""

    folder = prepare_dagster_home(given)
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        done = dg.materialize([something], instance=instance)
        assert done.success

    assert postgres_url not in (folder / "dagster.yaml").read_text(), "the address holds a password"
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("select run_id, status from runs").fetchall() == [(done.run_id, "SUCCESS")]


@pytest.mark.parametrize(
    "step",
    ["import_sources", "dbt_build", "analysis", "checks", "dbt_after_checks", "metrics__snapshot"],
)
def test_every_step_of_the_refresh_waits_for_its_turn_to_write(defined: dg.Definitions, step: str) -> None:
    nodes = {node.name: node.definition for node in defined.resolve_job_def(REFRESH).graph.nodes}
    assert isinstance(nodes[step], dg.OpDefinition)
    assert nodes[step].pool == WRITER_POOL


def test_checks_started_by_themselves_wait_for_their_turn_too(
    module_settings: Settings, manifest: Mapping[str, Any]
) -> None:
    assert border_checks(Run(module_settings), manifest).op.pool == WRITER_POOL


@contextlib.contextmanager
def another_run(home: Path) -> Iterator[None]:
    """Another process that is in the middle of a run in this home."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "running\n"
    yield
    other.communicate("\n", timeout=30)
