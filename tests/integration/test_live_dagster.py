"""Live sources in Dagster: a job and a schedule each, and a run that says what it brought and how far it is behind."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg
import pytest
from psycopg import conninfo
from pydantic import SecretStr

from ingest.completeness import record_gaps
from ingest.live import registry
from ingest.report import ImportReport
from orchestration import pipeline
from orchestration.assets import Run
from orchestration.cli import run
from orchestration.dagster_home import prepare_dagster_home
from orchestration.live_assets import live_definitions
from orchestration.pipeline import initialise
from tests.integration.test_import import fetch
from warehouse import open_warehouse
from warehouse.errors import UsageError
from warehouse.settings import Settings, load_settings

TABLES = """
create table events (event_id text primary key, created_at timestamptz, event_type text not null, actor text);
insert into events values ('e1', now() - interval '3 hours', 'telemetry:skill_view', 'a'),
    ('e2', now() - interval '2 hours', 'telemetry:skill_view', 'b'), ('e3', now() - interval '1 hour', '?', 'c')
"""


@pytest.fixture
def configured(tmp_path: Path, postgres_url: str) -> Settings:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(TABLES.encode())
    return load_settings(home=tmp_path / "home", secret="a key for tests only").model_copy(
        update={"registry_url": SecretStr(postgres_url), "registry_cron": "7 * * * *"}
    )


def test_only_configured_sources_have_jobs(tmp_path: Path, configured: Settings) -> None:
    nothing = live_definitions(Run(load_settings(home=tmp_path / "other", secret="a key for tests only")))
    assert list(nothing.resolve_all_job_defs()) == []
    defined = live_definitions(Run(configured))
    assert [job.name for job in defined.resolve_all_job_defs() if job.name.startswith("pull")] == ["pull_registry"]
    assert [(s.name, s.cron_schedule) for s in defined.schedules or []] == [("pull_registry", "7 * * * *")]


def test_a_run_says_rows_cursor_and_lag(configured: Settings) -> None:
    defined = live_definitions(Run(configured, retries=0))
    result = defined.resolve_job_def("pull_registry").execute_in_process(
        asset_selection=[dg.AssetKey(["live", "registry_events"])], raise_on_error=True
    )
    [made] = result.asset_materializations_for_node("read_registry")
    found = {name: value.value for name, value in made.metadata.items()}
    assert (found["windows"], found["rows_seen"], found["rows_loaded"], found["rows_quarantined"]) == (1, 3, 2, 1)
    assert found["bytes"] > 0
    until, *_ = found["cursor"].split()
    assert datetime.fromisoformat(until) <= datetime.now(UTC)
    assert found["lag_seconds"] == pytest.approx(2 * 3600, abs=300)


def test_a_locked_table_is_tried_again_and_a_right_that_lacks_is_not(
    configured: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert configured.registry_url
    address = configured.registry_url.get_secret_value()
    tries: list[int] = []
    real = pipeline.pull

    def counted(*arguments: Any, **options: Any) -> ImportReport:
        tries.append(len(tries))
        if len(tries) == 2:
            holder.rollback()
        return real(*arguments, **options)

    def pulled(settings: Settings) -> dg.ExecuteInProcessResult:
        tries.clear()
        job = live_definitions(Run(settings, retries=2, retry_seconds=0.1)).resolve_job_def("pull_registry")
        return job.execute_in_process(asset_selection=[dg.AssetKey(["live", "registry_events"])], raise_on_error=False)

    monkeypatch.setattr(pipeline, "pull", counted)
    monkeypatch.setattr(registry, "_LOCK_SECONDS", 1)
    with psycopg.connect(address) as holder:
        holder.execute("lock table events in access exclusive mode")
        result = pulled(configured)
    assert (result.success, len(tries)) == (True, 2)
    assert [event.event_type_value for event in result.all_events].count("STEP_UP_FOR_RETRY") == 1
    [made] = result.asset_materializations_for_node("read_registry")
    assert made.metadata["rows_loaded"].value == 2

    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute("create role without_rights login in role pg_read_all_stats")
        try:
            parts = conninfo.conninfo_to_dict(address)
            url = f"postgresql://without_rights@/{parts['dbname']}?host={parts['host']}"
            result = pulled(configured.model_copy(update={"registry_url": SecretStr(url)}))
        finally:
            connection.execute("drop role without_rights")
    assert (result.success, len(tries)) == (False, 1)
    [failed] = [event for event in result.all_events if event.is_step_failure]
    assert "grant select on public.events" in str(failed.step_failure_data.error)


REFRESH = """
import sys, time
from orchestration.run_lock import run_lock
from warehouse import open_warehouse
from warehouse.settings import load_settings
settings = load_settings(home=sys.argv[1], secret="a key for tests only")
with run_lock(settings), open_warehouse(settings) as warehouse, warehouse.write("build"):
    print("begun", flush=True)
    time.sleep(float(sys.argv[2]))
"""


@pytest.mark.parametrize(("seconds", "wait", "is_told"), [(2, 60, True), (60, 0.5, False)])
def test_a_refresh_that_begins_when_all_has_landed_fails_no_run(
    configured: Settings, monkeypatch: pytest.MonkeyPatch, seconds: int, wait: float, is_told: bool
) -> None:
    begun: list[subprocess.Popen[str]] = []
    real = pipeline.pull

    def then_a_refresh(*arguments: Any, **options: Any) -> ImportReport:
        report = real(*arguments, **options)
        command = [sys.executable, "-c", REFRESH, str(configured.home), str(seconds)]
        begun.append(subprocess.Popen(command, stdout=subprocess.PIPE, text=True))
        assert begun[0].stdout
        assert begun[0].stdout.readline() == "begun\n"
        monkeypatch.setattr(pipeline, "_LANDING_WAIT_SECONDS", wait)
        return report

    monkeypatch.setattr(pipeline, "pull", then_a_refresh)
    try:
        result = (
            live_definitions(Run(configured, retries=0))
            .resolve_job_def("pull_registry")
            .execute_in_process(asset_selection=[dg.AssetKey(["live", "registry_events"])], raise_on_error=False)
        )
    finally:
        for process in begun:
            process.kill()
            process.wait()
    assert result.success
    [made] = result.asset_materializations_for_node("read_registry")
    assert (made.metadata["rows_loaded"].value, "cursor" in made.metadata) == (2, is_told)


def test_a_run_tells_the_lag_of_an_entity_by_the_times_it_is_read_by(configured: Settings) -> None:
    assert configured.registry_url
    with psycopg.connect(configured.registry_url.get_secret_value(), autocommit=True) as connection:
        connection.execute(
            b"create table collections (collection_id text, skill_id text, added_at timestamptz, "
            b"removed_at timestamptz); insert into collections values "
            b"('c1', 's1', now() - interval '9 hours', now() - interval '3 hours'), "
            b"('c1', 's2', now() - interval '5 hours', null)"
        )
    result = (
        live_definitions(Run(configured, retries=0))
        .resolve_job_def("pull_registry")
        .execute_in_process(asset_selection=[dg.AssetKey(["live", "registry_collections"])])
    )
    [made] = result.asset_materializations_for_node("read_registry")
    assert made.metadata["lag_seconds"].value == pytest.approx(3 * 3600, abs=300)
    assert "newest_row" in made.metadata


def test_a_backfill_run_reads_the_range_it_is_given(configured: Settings) -> None:
    since = datetime.now(UTC) - timedelta(hours=2, minutes=30)
    config = {"since": since.isoformat(), "until": (since + timedelta(hours=1)).isoformat()}
    defined = live_definitions(Run(configured, retries=0))
    defined.resolve_job_def("pull_registry").execute_in_process(
        asset_selection=[dg.AssetKey(["live", "registry_events"])],
        run_config={"ops": {"read_registry": {"config": config}}},
    )
    with open_warehouse(configured) as warehouse:
        assert fetch(warehouse, "select event_id from raw.registry_events") == [{"event_id": "e2"}]


def test_days_are_read_again_by_a_backfill_in_one_run_and_the_schedules_run_has_none(configured: Settings) -> None:
    assert configured.registry_url
    address = configured.registry_url.get_secret_value()
    events = dg.AssetKey(["live", "registry_events"])
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(
            b"truncate events; insert into events "
            b"select 'd' || n, '2026-06-01'::timestamptz + n * interval '12 hours', "
            b"'telemetry:skill_view', 'a' from generate_series(0, 9) as n"
        )
    [assets] = list(live_definitions(Run(configured, retries=0)).assets or [])
    assert isinstance(assets, dg.AssetsDefinition)
    assert assets.backfill_policy == dg.BackfillPolicy.single_run()
    assert assets.specs_by_key[events].partitions_def is not None
    # Of what only has its last state, no day could be read again.
    assert assets.specs_by_key[dg.AssetKey(["live", "registry_teams"])].partitions_def is None

    def known() -> list[str]:
        with open_warehouse(configured) as warehouse:
            return [row["event_id"] for row in fetch(warehouse, "select event_id from raw.registry_events order by 1")]

    with dg.DagsterInstance.ephemeral() as instance:

        def read(**options: Any) -> list[str | None]:
            result = dg.materialize([assets], instance=instance, selection=[events], **options)
            return [each.partition for each in result.asset_materializations_for_node("read_registry")]

        assert read(partition_key="2026-06-02") == ["2026-06-02"]
        assert known() == ["d2", "d3"]
        days = {"dagster/asset_partition_range_start": "2026-06-03", "dagster/asset_partition_range_end": "2026-06-04"}
        assert read(tags=days) == ["2026-06-03", "2026-06-04"]
        assert known() == ["d2", "d3", "d4", "d5", "d6", "d7"]
        # No day took the cursor on: what is new is everything.
        assert read() == [None]
        assert known() == [f"d{n}" for n in range(10)]
        config = {"ops": {"read_registry": {"config": {"since": "2026-06-01"}}}}
        with pytest.raises(UsageError, match="a run of days reads these days"):
            read(partition_key="2026-06-02", run_config=config)

    job = live_definitions(Run(configured, retries=0)).resolve_job_def("pull_registry")
    assert job.execute_in_process(asset_selection=[events]).success


def test_a_run_tells_of_what_it_could_read_before_it_fails(configured: Settings) -> None:
    defined = live_definitions(Run(configured, retries=0))
    # There is no table of teams.
    keys = [dg.AssetKey(["live", "registry_events"]), dg.AssetKey(["live", "registry_teams"])]
    result = defined.resolve_job_def("pull_registry").execute_in_process(asset_selection=keys, raise_on_error=False)
    assert not result.success
    [made] = result.asset_materializations_for_node("read_registry")
    assert (made.asset_key, made.metadata["rows_loaded"].value) == (keys[0], 2)
    with open_warehouse(configured) as warehouse:
        failed = fetch(warehouse, "select entity from ops.import_gaps where kind = 'source_failed'")
    assert failed == [{"entity": "teams"}]


def test_the_command_answers_in_json_of_what_it_could_read_before_it_fails(
    configured: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert configured.registry_url
    monkeypatch.setenv("SKILLSMITH_REGISTRY_URL", configured.registry_url.get_secret_value())
    monkeypatch.setenv("SKILLSMITH_SECRET", "a key for tests only")
    chosen = ["--entity", "registry/events", "--entity", "registry/teams", "--home", str(configured.home)]
    assert run(["pull", "registry", *chosen, "--json"]) == 1
    said = capsys.readouterr()
    answer = json.loads(said.out)
    assert [(line["name"], line["rows"]) for line in answer["entities"]] == [("registry_events", 3)]
    assert (answer["failed"], list(answer["failed_entities"])) == (["registry"], ["registry/teams"])
    assert "no table or view public.teams" in answer["failed_entities"]["registry/teams"]
    assert "no table or view public.teams" in said.err
    # A wrong call has nothing to tell.
    assert run(["pull", "registry", "--since", "2199-01-01", "--json", "--home", str(configured.home)]) == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "config",
    [
        {"since": "2026-11-30", "until": "2026-11-01"},
        {"since": "2199-01-01"},
        {"until": "2026-11-01"},
        {"since": "2026-11-01", "from_start": True},
        {"since": "bananas"},
    ],
)
def test_a_range_of_time_that_is_none_fails_the_run_and_is_no_gap(configured: Settings, config: dict[str, Any]) -> None:
    defined = live_definitions(Run(configured, retries=0))
    with pytest.raises(UsageError, match="since"):
        defined.resolve_job_def("pull_registry").execute_in_process(
            asset_selection=[dg.AssetKey(["live", "registry_events"])],
            run_config={"ops": {"read_registry": {"config": config}}},
        )
    with open_warehouse(configured) as warehouse:
        initialise(warehouse)
        assert fetch(warehouse, "select * from ops.import_gaps where kind = 'source_failed'") == []


def test_a_schedule_can_be_off_and_a_wrong_one_is_named(configured: Settings) -> None:
    off = live_definitions(Run(configured.model_copy(update={"registry_cron": "off"})))
    assert (off.schedules, [job.name for job in off.jobs or []]) == ([], ["pull_registry"])
    with pytest.raises(UsageError, match="SKILLSMITH_REGISTRY_CRON: 'every hour' is no cron expression"):
        live_definitions(Run(configured.model_copy(update={"registry_cron": "every hour"})))


def test_a_run_ends_at_its_limit_of_time(configured: Settings) -> None:
    job = live_definitions(Run(configured)).resolve_job_def("pull_registry")
    assert job.tags["dagster/max_runtime"] == "7200"
    with dg.DagsterInstance.from_config(str(prepare_dagster_home(configured))) as instance:
        assert instance.run_monitoring_enabled


def test_a_backfill_closes_no_gap_of_a_source_that_could_not_be_read(configured: Settings) -> None:
    events = ["registry/events"]
    with open_warehouse(configured) as warehouse:
        initialise(warehouse)
        with warehouse.write("import") as writer:
            record_gaps(writer, as_of=datetime.now(UTC), read={"registry/events": "it was locked"})
        since = datetime.now(UTC) - timedelta(hours=2, minutes=30)
        pipeline.pull(warehouse, "registry", as_of=datetime.now(UTC), entities=events, since=since)
        open_ones = "select entity from ops.import_gaps where kind = 'source_failed' and closed_at is null"
        assert fetch(warehouse, open_ones) == [{"entity": "events"}]
        pipeline.pull(warehouse, "registry", as_of=datetime.now(UTC), entities=events)
        assert fetch(warehouse, open_ones) == []
        with pytest.raises(UsageError, match="registry/foo is not read from registry"):
            pipeline.pull(warehouse, "registry", as_of=datetime.now(UTC), entities=["registry/foo"])
