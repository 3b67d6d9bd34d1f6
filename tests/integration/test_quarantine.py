"""Rows put aside: tried again under a mended contract, each landing once, or given up."""

import json
from dataclasses import replace as changed
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ingest.contracts import CONTRACTS
from ingest.privacy import pseudonym
from ingest.quarantine import Choice, counts, discard, replay, samples
from orchestration.cli import cli
from tests.integration.test_import import AS_OF, KEY, account, event, fetch, load, put
from warehouse import Warehouse
from warehouse.settings import Settings

EVERYTHING = Choice()


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


def narrow(monkeypatch: pytest.MonkeyPatch, name: str, column: str, **changes: Any) -> None:
    """A contract as it was before somebody mended it."""
    contract = CONTRACTS[name]
    columns = tuple(changed(each, **changes) if each.name == column else each for each in contract.columns)
    monkeypatch.setitem(CONTRACTS, name, changed(contract, columns=columns))


def ids(warehouse: Warehouse) -> list[str]:
    rows = fetch(warehouse, "select event_id, file_name, file_line from raw.registry_events order by event_id")
    return [f"{row['event_id'][-1]} {row['file_name'].rsplit('/', 1)[-1]}:{row['file_line']}" for row in rows]


def test_a_replay_loads_what_a_mended_contract_takes_and_leaves_the_rest(
    warehouse: Warehouse, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [
        event(1),
        event(2, event_type="telemetry:skill_view"),
        event(3, created_at="yesterday"),
        event(4, event_type="telemetry:skill_view"),
    ]
    put(drop, "registry/events/a.ndjson.gz", rows)
    with monkeypatch.context() as before:
        narrow(before, "registry/events", "event_type", allowed=("telemetry:skill_invoke",))
        load(warehouse, drop)
    assert ids(warehouse) == ["1 a.ndjson.gz:1"]
    assert [(row["reason"], row["rows"]) for row in counts(warehouse, EVERYTHING)] == [
        ("unknown event_type", 2),
        ("created_at is not an ISO 8601 time", 1),
    ]

    [some] = replay(warehouse, drop, Choice(reason="created_at is not an ISO 8601 time"), as_of=AS_OF).loads
    assert (some.rows_seen, some.rows_loaded, some.rows_quarantined) == (1, 0, 1)
    assert ids(warehouse) == ["1 a.ndjson.gz:1"]

    report = replay(warehouse, drop, EVERYTHING, as_of=AS_OF)

    assert [(each.rows_seen, each.rows_loaded, each.rows_quarantined) for each in report.loads] == [(3, 2, 1)]
    assert ids(warehouse) == ["1 a.ndjson.gz:1", "2 a.ndjson.gz:2", "4 a.ndjson.gz:4"]
    assert [(row["reason"], row["rows"]) for row in counts(warehouse, EVERYTHING)] == [
        ("created_at is not an ISO 8601 time", 1)
    ]
    closed = fetch(warehouse, "select file_line, resolution from raw.quarantine where resolved_at is not null")
    assert sorted((row["file_line"], row["resolution"]) for row in closed) == [(2, "replayed"), (4, "replayed")]

    again = replay(warehouse, drop, EVERYTHING, as_of=AS_OF)
    assert [(each.rows_seen, each.rows_loaded, each.rows_quarantined) for each in again.loads] == [(1, 0, 1)]
    assert load(warehouse, drop).known == 1
    assert fetch(warehouse, "select count(*) as n from raw.quarantine")[0]["n"] == 3


def test_a_file_that_is_another_one_now_is_not_read_for_the_rows_of_the_one_before(
    warehouse: Warehouse, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(drop, "registry/events/a.ndjson", [event(1), event(2, event_type="telemetry:skill_view")])
    with monkeypatch.context() as before:
        narrow(before, "registry/events", "event_type", allowed=("telemetry:skill_invoke",))
        load(warehouse, drop)
    # Of the same size.
    put(drop, "registry/events/a.ndjson", [event(1), event(7, event_type="telemetry:skill_view")])

    replay(warehouse, drop, EVERYTHING, as_of=AS_OF)

    assert ids(warehouse) == ["1 a.ndjson:1", "2 a.ndjson:2"]


def test_a_replayed_row_does_not_win_over_a_later_version_that_came_meanwhile(
    warehouse: Warehouse, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(drop, "registry/accounts/1.ndjson", [account("old", "2026-02-01T00:00:00Z", kind="oem")])
    with monkeypatch.context() as before:
        narrow(before, "registry/accounts", "kind", allowed=("individual", "team", "organization"))
        load(warehouse, drop)
    put(drop, "registry/accounts/2.ndjson", [account("new", "2026-02-02T00:00:00Z")])
    load(warehouse, drop)

    report = replay(warehouse, drop, EVERYTHING, as_of=AS_OF)

    assert [(each.rows_seen, each.rows_loaded, each.rows_merged) for each in report.loads] == [(1, 0, 1)]
    assert fetch(warehouse, "select name, kind from raw.registry_accounts") == [{"name": "new", "kind": "team"}]
    assert counts(warehouse, EVERYTHING) == []


def test_rows_of_a_csv_file_keep_their_lines_behind_a_ragged_one(
    warehouse: Warehouse, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "month,category,amount_cents\n2026-01-01,legal,1,2\n2026-01-01,travel,5\n2026-01-01,tools,7\n"
    put(drop, "finance/costs/c.csv", text)
    load(warehouse, drop)
    wider = (*CONTRACTS["finance/costs"].columns[1].allowed, "travel")
    narrow(monkeypatch, "finance/costs", "category", allowed=wider)

    report = replay(warehouse, drop, EVERYTHING, as_of=AS_OF)

    assert [(each.rows_seen, each.rows_loaded, each.rows_quarantined) for each in report.loads] == [(2, 1, 1)]
    rows = fetch(warehouse, "select category, file_line from raw.finance_costs order by category")
    assert rows == [{"category": "tools", "file_line": 4}, {"category": "travel", "file_line": 3}]
    assert [row["file_line"] for row in samples(warehouse, EVERYTHING)] == [2]


def test_a_file_that_is_gone_is_replayed_from_the_kept_texts(
    warehouse: Warehouse, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put(
        drop,
        "registry/events/a.ndjson",
        [event(1), event(2, event_type="telemetry:compare", actor="person-2"), event(3, event_type="telemetry:x")],
    )
    with monkeypatch.context() as before:
        narrow(before, "registry/events", "event_type", allowed=("telemetry:skill_invoke",))
        load(warehouse, drop)
    path.unlink()

    report = replay(warehouse, drop, EVERYTHING, as_of=AS_OF)

    assert [(each.rows_seen, each.rows_loaded, each.rows_quarantined) for each in report.loads] == [(2, 1, 1)]
    [row] = fetch(
        warehouse, "select actor_key, file_name, file_line, metadata from raw.registry_events where file_line = 2"
    )
    assert row["actor_key"] == pseudonym(KEY, "person-2")
    assert row["file_name"] == "registry/events/a.ndjson"
    assert json.loads(row["metadata"]) == {"skill_name": "anthropic/docx", "success": True}
    assert [row["file_line"] for row in samples(warehouse, EVERYTHING)] == [3]


def test_discarded_rows_are_closed_without_their_texts(warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/a.ndjson", [event(1), event(2, event_type="telemetry:x"), event(3, created_at="?")])
    load(warehouse, drop)
    choice = Choice(reason="unknown event_type")
    assert discard(warehouse, choice, dry_run=True) == 1
    assert len(samples(warehouse, EVERYTHING)) == 2

    assert discard(warehouse, choice) == 1

    [row] = fetch(warehouse, "select row_text, resolution from raw.quarantine where resolved_at is not null")
    assert row == {"row_text": None, "resolution": "discarded"}
    assert [row["reason"] for row in samples(warehouse, EVERYTHING)] == ["created_at is not an ISO 8601 time"]
    assert ids(warehouse) == ["1 a.ndjson:1"]


def test_the_command_lists_shows_replays_and_asks_before_it_discards(
    engine_settings: Settings, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKILLSMITH_SECRET", "a key for tests only")
    if engine_settings.warehouse_url:
        monkeypatch.setenv("SKILLSMITH_WAREHOUSE_URL", engine_settings.warehouse_url.get_secret_value())
    bad = {"event_type": "telemetry:x", "actor": "someone@example.org"}
    put(drop, "registry/events/a.ndjson", [event(1), event(2, **bad), event(3, **bad)])

    def call(*arguments: str, text: str = "") -> Any:
        places = ["--home", str(engine_settings.home), "--drop", str(drop)]
        return CliRunner().invoke(cli, [*arguments, *places], input=text)

    assert call("import", "--as-of", "2026-03-01").exit_code == 0
    assert "2  registry/events  unknown event_type  (registry/events/a.ndjson)" in call("quarantine", "list").output
    shown = call("quarantine", "show").output
    assert "registry/events/a.ndjson:2  unknown event_type" in shown
    assert "someone@example.org" not in shown
    assert "--limit" not in shown
    assert call("quarantine", "show", "--limit", "1").output.endswith("the first 1; --limit shows more\n")
    assert "2 rows tried again, 0 taken and closed, 2 left open" in call("quarantine", "replay").output
    assert call("quarantine", "discard", text="n\n").exit_code != 0
    assert json.loads(call("quarantine", "list", "--json").output)[0]["rows"] == 2
    assert "2 rows are discarded" in call("quarantine", "discard", "--yes").output
    assert "no row waits in the quarantine" in call("quarantine", "list").output
    assert call("quarantine", "list", "--entity", "registry/nothing").exit_code != 0
