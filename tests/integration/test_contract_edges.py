"""Values at the edge of what a contract takes: times, counts, names, empty and absent, nested, not a number."""

import json
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_import import account, event, fetch, load, put
from warehouse import Warehouse


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    return tmp_path / "drop"


def utc(value: datetime) -> datetime:
    return value.replace(tzinfo=None)


def decoded(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


TIMES = {
    "2026-02-01T10:00:00+05:30": datetime(2026, 2, 1, 4, 30),
    "2026-02-01T10:00:00+0530": datetime(2026, 2, 1, 4, 30),
    "2026-02-01 10:00:00-08": datetime(2026, 2, 1, 18),
    "2026-01-01T00:30:00+01:00": datetime(2025, 12, 31, 23, 30),
    "2024-02-29T23:59:59.999999Z": datetime(2024, 2, 29, 23, 59, 59, 999999),
    "2024-02-29": datetime(2024, 2, 29),
    "2000-02-29T12:00": datetime(2000, 2, 29, 12),
    "1970-01-01T00:00:00Z": datetime(1970, 1, 1),
    "1969-12-31T23:59:59z": datetime(1969, 12, 31, 23, 59, 59),
    "0001-01-01T00:00:00Z": datetime(1, 1, 1),
    "2026-02-01T10:00:00.123456789Z": datetime(2026, 2, 1, 10, 0, 0, 123456),
}


def test_times_of_every_offset_and_year_are_one_utc_time(warehouse: Warehouse, drop: Path) -> None:
    rows = [event(number, created_at=text) for number, text in enumerate(TIMES)]
    put(drop, "registry/events/x.ndjson", rows)
    lines = [
        f"{row['event_id'][:-3]}9{number:02},{row['created_at']},search:metrics" for number, row in enumerate(rows)
    ]
    put(drop, "registry/events/y.csv", "\n".join(["event_id,created_at,event_type", *lines]) + "\n")

    load(warehouse, drop)

    assert fetch(warehouse, "select reason from raw.quarantine") == []
    for name in ("x.ndjson", "y.csv"):
        found = fetch(
            warehouse, f"select created_at from raw.registry_events where file_name like '%{name}' order by file_line"
        )
        assert [utc(row["created_at"]) for row in found] == list(TIMES.values())


NO_TIMES = [
    "2023-02-29", "1900-02-29", "2026-13-01", "2026-02-01T24:00:00Z", "2026-02-01T10:00:60Z",
    "2026-02-01T10:00:00+25:00", "2026-02-01T10:00:00+05:99", "12026-02-01", "2026-2-1", "infinity",
    "-infinity", "epoch", "now", "2026-02-01T10:00:00 Europe/Berlin", "99999999999999",
]  # fmt: skip
FUTURE = ["2199-12-31T23:59:59Z", "9999-12-31T23:59:59Z", "2262-04-12"]


def test_a_time_that_is_none_or_far_ahead_is_quarantined_as_such(duckdb_warehouse: Warehouse, drop: Path) -> None:
    bad = [event(number, created_at=text) for number, text in enumerate([*NO_TIMES, *FUTURE], 2)]
    put(drop, "registry/events/x.ndjson", [event(1), *bad])

    load(duckdb_warehouse, drop)

    rows = fetch(duckdb_warehouse, "select file_line, reason from raw.quarantine order by file_line")
    reasons = ["created_at is not an ISO 8601 time"] * len(NO_TIMES) + ["created_at lies in the future"] * len(FUTURE)
    assert [(row["file_line"], row["reason"]) for row in rows] == list(enumerate(reasons, 2))


MOST = 9_223_372_036_854_775_807


def test_counts_of_64_bits_land_and_one_more_is_quarantined(warehouse: Warehouse, drop: Path) -> None:
    amounts = [
        MOST,
        -MOST - 1,
        MOST + 1,
        -MOST - 2,
        10**30,
        "9223372036854775807",
        "9223372036854775808",
        5.0,
        5.5,
        True,
    ]
    rows = [{"month": f"2025-{n + 1:02}", "category": "tools", "amount_cents": each} for n, each in enumerate(amounts)]
    put(drop, "finance/costs/x.ndjson", rows)

    load(warehouse, drop)

    found = fetch(warehouse, "select file_line, amount_cents from raw.finance_costs order by file_line")
    assert [(row["file_line"], row["amount_cents"]) for row in found if row["file_line"] != 2] == [
        (1, MOST), (6, MOST), (8, 5),
    ]  # fmt: skip
    bad = fetch(warehouse, "select file_line from raw.quarantine order by file_line")
    assert [row["file_line"] for row in bad if row["file_line"] != 2] == [3, 4, 5, 7, 9, 10]


def test_a_name_is_one_name_however_its_letters_are_composed(warehouse: Warehouse, drop: Path) -> None:
    composed, decomposed = "Caf\u00e9 \u00c5ngstr\u00f6m", "Cafe\u0301 A\u030angstro\u0308m"
    rows = [
        account(composed, "2026-01-01") | {"account_id": "a1"},
        account(decomposed, "2026-01-01") | {"account_id": "a2"},
        account("東京 😀 עברית", "2026-01-01") | {"account_id": "a3"},
    ]
    put(drop, "registry/accounts/x.ndjson", rows)

    load(warehouse, drop)

    names = [row["name"] for row in fetch(warehouse, "select name from raw.registry_accounts order by account_id")]
    assert names == [composed, composed, "東京 😀 עברית"]


def test_empty_is_not_absent(warehouse: Warehouse, drop: Path) -> None:
    rows = [{"team_id": "t1", "name": ""}, {"team_id": "t2", "name": None}, {"team_id": "t3"}]
    put(drop, "registry/teams/x.ndjson", rows)
    put(drop, "registry/teams/y.csv", 'team_id,name,slug\nt4,"",x\nt5,,x\n')

    load(warehouse, drop)

    found = fetch(warehouse, "select team_id, name from raw.registry_teams order by team_id")
    assert [(row["team_id"], row["name"]) for row in found] == [
        ("t1", ""), ("t2", None), ("t3", None), ("t4", ""), ("t5", None),
    ]  # fmt: skip


def test_nested_values_keep_their_types_and_order_of_lists(warehouse: Warehouse, drop: Path) -> None:
    metadata = {"a": [1, 2.5, True, None, "x", {"b": {"c": []}}], "d": {}, "ü": "é", "big": 12345678901234567}
    put(drop, "registry/events/x.ndjson", [event(1, metadata=metadata), event(2, unknown=metadata)])

    load(warehouse, drop)

    found = fetch(warehouse, "select metadata, extra from raw.registry_events order by event_id")
    assert decoded(found[0]["metadata"]) == metadata
    extra = decoded(found[1]["extra"])["unknown"]
    assert extra == metadata


def test_what_is_not_a_number_is_quarantined(warehouse: Warehouse, drop: Path) -> None:
    row = {"request_id": "r1", "started_at": "2026-02-01T00:00:00Z", "route": "search", "duration_ms": 1.5}
    good = []
    for text, place in product(("NaN", "Infinity", "-Infinity"), ("duration_ms", "extra", "csv")):
        good.append(f"good {text} {place}")
        if place == "csv":
            content = f"request_id,started_at,duration_ms\nbad,2026-02-01,{text}\n{good[-1]},2026-02-01,2.5\n"
            put(drop, f"registry/api_requests/{text}.csv", content)
        else:
            bad = json.dumps(row | {place: "HERE"}).replace('"HERE"', text)
            lines = bad + "\n" + json.dumps(row | {"request_id": good[-1]}) + "\n"
            put(drop, f"registry/api_requests/{text}-{place}.ndjson", lines)

    report = load(warehouse, drop)

    assert report.refused == []
    landed = fetch(warehouse, "select request_id from raw.registry_api_requests")
    assert sorted(row["request_id"] for row in landed) == sorted(good)
    waiting = fetch(warehouse, "select file_name, reason from raw.quarantine")
    assert len({row["file_name"] for row in waiting}) == len(waiting) == len(good)
    assert {row["reason"] for row in waiting} <= {"holds NaN", "not a JSON object", "duration_ms is not a number"}


@pytest.mark.parametrize("text", ["nan", "NaN", "-NaN", "inf", "-inf", "INFINITY", "-Infinity"])
def test_no_json_with_a_value_that_json_does_not_have_lands(warehouse: Warehouse, drop: Path, text: str) -> None:
    row = {"event_id": "e", "created_at": "2026-02-01T00:00:00Z", "event_type": "search:metrics", "actor": "a"}
    deep = {"a": [{"b": "HERE"}]}
    bad = [
        row | {"metadata": {"x": "HERE"}},
        row | {"metadata": deep},
        row | {"unknown": deep},
        row | {"other": "HERE"},
    ]
    bad += [row | {name: "HERE"} for name in ("user_agent", "actor", "ip_prefix")]
    # What is no object is taken as its text.
    bad += [row | {name: deep} for name in ("user_agent", "auth_tier", "actor", "ip_prefix")]
    bad += [row | {name: [deep]} for name in ("user_agent", "actor")]
    lines = [json.dumps(line).replace('"HERE"', text) for line in bad]
    # A JSON object that was delivered as a text.
    lines.append(json.dumps(row | {"metadata": f'{{"x": {text}}}'}))
    words = [f"a, {text} b", f"[{text}]", f": {text}", f'"{text}', f"{text}ite"]
    good = [row | {"event_id": f"{n}", "metadata": {word: word}, "user_agent": word} for n, word in enumerate(words)]
    good.append(row | {"event_id": "-1", "actor": text, "user_agent": text})
    put(drop, "registry/events/x.ndjson", "\n".join([*lines, *map(json.dumps, good)]) + "\n")

    report = load(warehouse, drop)

    assert report.refused == []
    landed = {
        row["event_id"]: row
        for row in fetch(warehouse, "select event_id, metadata, user_agent from raw.registry_events")
    }
    assert landed.keys() == {line["event_id"] for line in good}
    for line in good[:-1]:
        kept = landed[line["event_id"]]
        assert (decoded(kept["metadata"]), kept["user_agent"]) == (line["metadata"], line["user_agent"])
    waiting = fetch(warehouse, "select file_line, reason from raw.quarantine order by file_line")
    assert [(row["file_line"], row["reason"]) for row in waiting] == [
        (n, "holds NaN") for n in range(1, len(lines) + 1)
    ]


def test_a_missing_optional_column_is_null_and_its_fill_is_none(warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/x.csv", "event_id,created_at,event_type\n1,2026-02-01,search:metrics\n")

    load(warehouse, drop)

    [row] = fetch(warehouse, "select auth_tier, metadata from raw.registry_events")
    assert (row["auth_tier"], row["metadata"]) == (None, None)
    [ledger] = fetch(warehouse, "select key_fill from raw.import_ledger")
    fill = decoded(ledger["key_fill"])
    assert (fill["auth_tier"], fill["actor"], fill["event_id"]) == (0, 0, 1)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("registry/team_members/x.csv", "team_id,actor,joined_at\nt1,p,2026-01-01\n", "has no column is_bot"),
        ("status/checks/x.ndjson", '{"component": "website", "checked_at": "2026-01-01", "probe": "external"}\n',
         "no row of it has status"),
        ("registry/subscriptions/x.csv", "id,status\ns1,active\n", "has no column tier"),
    ],
)  # fmt: skip
def test_a_missing_required_column_refuses_the_file_by_its_name(
    warehouse: Warehouse, drop: Path, name: str, content: str, says: str
) -> None:
    put(drop, name, content)

    [refused] = load(warehouse, drop).refused

    assert refused.error == f"{name}: {says}, which is required"
