"""The whole way, by the command: a small world from its files to the published tables."""

import json
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from orchestration.cli import run
from warehouse import open_warehouse
from warehouse.settings import load_settings

AS_OF = "2026-07-01T06:00:00Z"


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from ingest.simulator import simulate

    folder = tmp_path_factory.mktemp("world") / "drop"
    simulate(folder, days=40, accounts=5, seed=7, events=4_000, until=date(2026, 6, 30))
    return folder


def _query(home: Path, capsys: pytest.CaptureFixture[str], table: str, *more: str) -> list[dict]:
    capsys.readouterr()
    assert run(["query", table, "--json", "--home", str(home), *more]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_refresh_publishes_what_the_files_say_and_a_failed_one_leaves_it(
    drop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SKILLSMITH_SECRET", "a key for tests only")
    home = tmp_path / "home"
    assert run(["refresh", "--home", str(home), "--drop", str(drop), "--as-of", AS_OF]) == 0

    answers = json.loads((drop / "answers.json").read_text())
    assert answers
    snapshot = _query(home, capsys, "snapshot")[-1]
    assert snapshot["as_of"].startswith("2026-07-01T06:00:00")
    assert _query(home, capsys, "team_activity", "--where", "period_days = 28", "--limit", "1")
    bridge = _query(home, capsys, "mrr_bridge", "--where", "segment = 'total'")
    assert bridge
    checks = _query(home, capsys, "check_results", "--where", "status <> 'passed' and severity = 'blocking'")
    assert checks == []

    # A blocking check that evaluates false: exit 3, and readers keep the snapshot they had.
    settings = load_settings(home=home, drop=drop)
    with open_warehouse(settings) as warehouse, warehouse.write() as writer:
        writer.execute("update build.mrr_bridge set closing_cents = closing_cents + 1 where segment = 'total'")
    assert run(["check", "--home", str(home)]) == 3
    assert run(["publish", "--home", str(home)]) == 3
    assert _query(home, capsys, "snapshot")[-1]["snapshot_id"] == snapshot["snapshot_id"]
    capsys.readouterr()
    run(["status", "--json", "--home", str(home)])
    status = json.loads(capsys.readouterr().out)
    assert status["last_attempt"]["outcome"] == "refused"
    assert status["last_build"]["outcome"] == "refused"
    assert "mrr_bridge_adds_up" in {row["check_name"] for row in status["last_attempt"]["failed"]}


def test_the_clock_of_a_check_must_be_that_of_the_build(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from orchestration.builds import finish_build, start_build

    settings = load_settings(home=tmp_path / "home", secret="a key for tests only")
    with open_warehouse(settings) as warehouse:
        warehouse.initialise()
        with warehouse.write() as writer:
            build = start_build(writer, datetime(2026, 7, 1, tzinfo=UTC))
            finish_build(writer, build.build_id, "built")
    assert run(["check", "--home", str(settings.home), "--as-of", "2026-07-02"]) == 1
    assert "the last build is as of 2026-07-01T00:00:00Z" in capsys.readouterr().err
