"""Entities that no model reads yet: each lands typed under its key, and what its contract forbids is put aside."""

import json
from pathlib import Path
from typing import Any

import pytest

from ingest.contracts import CONTRACTS
from ingest.privacy import pseudonym
from tests.integration.test_import import KEY, fetch, load, put
from warehouse import Warehouse

TIME = "2026-02-01T10:00:00Z"
SOMEBODY = pseudonym(KEY, "somebody")

# A good row, the same row with what the contract forbids, and the reason that is given.
ROWS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "registry/skill_ratings": (
        {"rating_id": "r1", "skill_id": "s1", "actor": "somebody", "stars": 5, "created_at": TIME},
        {"rating_id": "r2", "stars": 6},
        "stars is above 5",
    ),
    "registry/skill_approvals": (
        {"request_id": "q1", "team_id": "t", "skill_id": "s1", "requested_at": TIME, "decision": "approved"},
        {"request_id": "q2", "decision": "perhaps"},
        "decision is not one of the known values",
    ),
    "registry/collections": (
        {"collection_id": "c", "team_id": "t", "name": "Best of", "skill_id": "s1", "added_at": TIME},
        {"skill_id": None},
        "skill_id is missing",
    ),
    "registry/audit_logs": (
        {
            "id": "l1",
            "timestamp": TIME,
            "event_type": "telemetry:skill_install",
            "actor": "somebody",
            "created_at": TIME,
        },
        {"id": "l2", "timestamp": "noon"},
        "timestamp is not an ISO 8601 time",
    ),
    "support/tickets": (
        {"ticket_id": "k1", "account_id": "a", "priority": "p1", "channel": "email", "opened_at": TIME},
        {"ticket_id": "k2", "priority": "p9"},
        "priority is not one of the known values",
    ),
    "partners/partners": (
        {"partner_id": "p1", "name": "Acme", "share_basis": "gross", "share_rate": 0.7, "updated_at": TIME},
        {"partner_id": "p2", "share_rate": 70},
        "share_rate is above 1",
    ),
    "partners/skill_sales": (
        {"sale_id": "x1", "partner_id": "p1", "skill_id": "s1", "sold_at": TIME, "gross_cents": 900},
        {"sale_id": "x2", "gross_cents": "9,00"},
        "gross_cents is not a whole number",
    ),
    "github/issues": (
        {"repository_id": "1", "number": 7, "created_at": TIME, "state": "open", "author": "somebody"},
        {"number": 0},
        "number is below 1",
    ),
    "github/issue_comments": (
        {"repository_id": "1", "id": 99, "issue_number": 7, "created_at": TIME, "author": "somebody"},
        {"id": None},
        "comment_id is missing",
    ),
    "github/contributors": (
        {"repository_id": "1", "login": "somebody", "contributions": 3},
        {"login": "other", "contributions": -1},
        "contributions is below 0",
    ),
    "github/traffic_views": (
        {"repository_id": "1", "timestamp": "2026-02-01T00:00:00Z", "count": 10, "uniques": 4},
        {"timestamp": "2026-02-30"},
        "day is not a date",
    ),
    "github/traffic_clones": (
        {"repository_id": "1", "day": "2026-02-01", "count": 10, "uniques": 4},
        {"day": "2026-02-02", "count": 1.5},
        "count is not a whole number",
    ),
    "github/workflow_runs": (
        {"repository_id": "1", "id": "55", "workflow_name": "ci", "status": "completed", "created_at": TIME},
        {"id": "56", "created_at": "2027-01-01T00:00:00Z"},
        "created_at lies in the future",
    ),
}


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


def test_every_entity_lands_and_keeps_its_rules(warehouse: Warehouse, drop: Path) -> None:
    for name, (good, wrong, _) in ROWS.items():
        # What we have never heard of comes along, whatever the entity's own columns are called.
        put(drop, f"{name}/a.ndjson", [good | {"unheard_of": ["x"]}, good | wrong])
    report = load(warehouse, drop)
    assert report.refused == []
    totals = report.by_entity()
    assert {name: (totals[name].rows_loaded, totals[name].rows_quarantined) for name in ROWS} == dict.fromkeys(
        ROWS, (1, 1)
    )
    reasons = fetch(warehouse, "select source, entity, reason from raw.quarantine")
    assert {f"{row['source']}/{row['entity']}": row["reason"] for row in reasons} == {
        name: reason for name, (_, _, reason) in ROWS.items()
    }
    for name in ROWS:
        for column in CONTRACTS[name].columns:
            if column.is_person:
                [row] = fetch(warehouse, f"select {column.name} as person from {CONTRACTS[name].table.qualified}")
                assert row["person"] == SOMEBODY
    [comment] = fetch(warehouse, "select comment_id, number, extra from raw.github_issue_comments")
    assert (comment["comment_id"], comment["number"], json.loads(comment["extra"])) == ("99", 7, {"unheard_of": ["x"]})


def test_a_later_version_of_a_row_wins(warehouse: Warehouse, drop: Path) -> None:
    ticket = ROWS["support/tickets"][0]
    put(drop, "support/tickets/b.ndjson", [ticket | {"updated_at": "2026-02-03T00:00:00Z", "resolved_at": TIME}])
    put(drop, "support/tickets/c.ndjson", [ticket | {"updated_at": "2026-02-02T00:00:00Z"}])
    load(warehouse, drop)
    rows = fetch(warehouse, "select file_name, resolved_at is null as is_open from raw.support_tickets")
    assert rows == [{"file_name": "support/tickets/b.ndjson", "is_open": False}]
