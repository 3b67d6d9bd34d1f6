"""Live sources in Dagster: a job and a schedule each, and a run that says what it brought and how far it is behind."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from pydantic import SecretStr

from orchestration.assets import Run
from orchestration.live_assets import live_definitions
from tests.integration.test_import import fetch
from warehouse import open_warehouse
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
