"""The whole path on TimescaleDB, once and small: initialise, import, build. What it computes is tested elsewhere."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ingest.contracts import CONTRACTS
from ingest.files import import_drop
from orchestration.dbt_runner import run_dbt
from warehouse import open_warehouse
from warehouse.settings import load_settings

pytestmark = [pytest.mark.timescale, pytest.mark.long]

AS_OF = datetime(2026, 3, 10, tzinfo=UTC)

# One team of two people, one of whom uses a skill on 2026-03-02 and again on 2026-03-03.
FILES = {
    "registry/accounts": [{"account_id": "acme", "name": "Acme", "kind": "team", "created_at": "2026-01-01T00:00:00Z"}],
    "registry/teams": [
        {"team_id": "tools", "account_id": "acme", "name": "Tools", "created_at": "2026-01-01T00:00:00Z"}
    ],
    "registry/team_members": [
        {"team_id": "tools", "actor": actor, "role": "member", "is_bot": False, "joined_at": "2026-01-01T00:00:00Z"}
        for actor in ("a", "b")
    ],
    "registry/events": [
        {
            "event_id": f"e{day}",
            "created_at": f"2026-03-0{day}T12:00:00Z",
            "event_type": "telemetry:skill_invoke",
            "actor": "a",
            "metadata": {"skill_name": "acme/tidy", "success": True, "source": "cli"},
        }
        for day in (2, 3)
    ],
}


def _write(drop: Path) -> Path:
    for entity, rows in FILES.items():
        folder = drop / entity
        folder.mkdir(parents=True)
        (folder / "all.ndjson").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return drop


def test_files_become_metrics_on_timescaledb(timescale_database, tmp_path):
    settings = load_settings(home=tmp_path / "home", secret="a key", warehouse_url=timescale_database, threads=1)
    with open_warehouse(settings) as warehouse:
        warehouse.initialise(contract.table for contract in CONTRACTS.values())
        report = import_drop(warehouse, _write(tmp_path / "drop"), as_of=AS_OF)
        assert (report.rows_seen, report.refused) == (6, [])

        run_dbt(warehouse, ["seed"], as_of=AS_OF)
        selection = [
            "--select",
            "+team_skill_usage",
            "--indirect-selection",
            "cautious",
            "--exclude",
            "resource_type:unit_test",
        ]
        run = run_dbt(warehouse, ["build", *selection], as_of=AS_OF)
        assert [r for r in run.results if r.status not in ("success", "pass", "warn")] == []

        with warehouse.write() as writer:
            rows = writer.fetch(
                "select users, seats, successes from build.team_skill_usage"
                " where skill_name = 'acme/tidy' and period_days = 28 and period_end = date '2026-03-09'"
            )
    assert rows == [{"users": 1, "seats": 2, "successes": 2}]
