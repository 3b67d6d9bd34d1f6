"""Drop folders into either warehouse: what lands, what is merged, what is quarantined, what is refused."""

import gzip
import hashlib
import hmac
import json
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.contracts import CONTRACTS
from ingest.files import import_drop
from ingest.report import ImportReport
from warehouse import Warehouse, open_warehouse
from warehouse.errors import UsageError
from warehouse.postgres import PostgresWriter
from warehouse.settings import Settings

AS_OF = datetime(2026, 3, 1)
KEY = b"a key for tests only"


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


def put(drop: Path, name: str, rows: list[dict[str, Any]] | str | bytes) -> Path:
    path = drop / name
    path.parent.mkdir(parents=True, exist_ok=True)
    content = rows if isinstance(rows, str | bytes) else "".join(json.dumps(row) + "\n" for row in rows)
    data = content.encode() if isinstance(content, str) else content
    path.write_bytes(gzip.compress(data) if name.endswith(".gz") and isinstance(rows, str | list) else data)
    return path


def load(warehouse: Warehouse, drop: Path, **options: Any) -> ImportReport:
    return import_drop(warehouse, drop, as_of=AS_OF, **options)


def fetch(warehouse: Warehouse, statement: str, *parameters: Any) -> list[dict[str, Any]]:
    with warehouse.write() as writer:
        return writer.fetch(statement, parameters)


def event(number: int, **changes: Any) -> dict[str, Any]:
    row = {
        "event_id": f"00000000-0000-4000-8000-{number:012d}",
        "created_at": "2026-02-01T10:00:00Z",
        "event_type": "telemetry:skill_invoke",
        "actor": "person-1",
        "auth_tier": "team",
        "auth_method": "api_key",
        "user_agent": "cli/1.0",
        "ip_prefix": "203.0.113.0/24",
        "metadata": {"skill_name": "anthropic/docx", "success": True},
    }
    return {name: value for name, value in (row | changes).items() if value is not ...}


def account(name: str, updated_at: str | None, **changes: Any) -> dict[str, Any]:
    return {"account_id": "a1", "name": name, "kind": "team", "updated_at": updated_at} | changes


def test_an_event_lands_typed_with_its_person_as_a_pseudonym(warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/one.ndjson", [event(1, created_at="2026-02-01T10:00:00+05:30")])

    report = load(warehouse, drop)

    assert (report.loads[0].rows_seen, report.loads[0].rows_loaded) == (1, 1)
    [row] = fetch(warehouse, "select * from raw.registry_events")
    assert row["actor_key"] == hmac.new(KEY, b"person-1", hashlib.sha256).hexdigest()
    assert row["created_at"].strftime("%Y-%m-%d %H:%M") == "2026-02-01 04:30"
    assert row["file_name"] == "registry/events/one.ndjson"
    assert row["file_line"] == 1
    metadata = row["metadata"] if isinstance(row["metadata"], dict) else json.loads(row["metadata"])
    assert metadata == {"skill_name": "anthropic/docx", "success": True}


def test_a_warehouse_takes_nothing_under_another_key_than_its_own(
    warehouse: Warehouse, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(drop, "registry/events/one.ndjson", [event(1)])
    load(warehouse, drop)
    with monkeypatch.context() as other:
        # What is asked of the settings is asked once.
        other.setitem(warehouse.settings.__dict__, "pseudonym_key", b"another key")
        # Found out on the day on which it is given, and not only when something new comes.
        with pytest.raises(UsageError, match="pseudonyms under another key"):
            load(warehouse, drop)
        put(drop, "registry/events/two.ndjson", [event(2)])
        with pytest.raises(UsageError, match="pseudonyms under another key"):
            load(warehouse, drop)
    assert fetch(warehouse, "select count(*) as n from raw.registry_events") == [{"n": 1}]

    load(warehouse, drop)

    people = fetch(warehouse, "select count(*) as n, count(distinct actor_key) as people from raw.registry_events")
    assert people == [{"n": 2, "people": 1}]


def test_a_file_that_was_loaded_is_known_and_read_no_more(warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/one.ndjson", [event(1)])
    load(warehouse, drop)

    again = load(warehouse, drop)

    assert (again.loads, again.known) == ([], 1)
    assert fetch(warehouse, "select count(*) as n from raw.import_ledger")[0]["n"] == 1


def test_rows_delivered_again_in_another_file_change_nothing(warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/one.ndjson", [event(1), event(2)])
    load(warehouse, drop)
    put(drop, "registry/events/two.ndjson.gz", [event(2), event(3)])

    [second] = load(warehouse, drop).loads

    assert (second.rows_seen, second.rows_loaded, second.rows_merged) == (2, 1, 1)
    assert fetch(warehouse, "select count(*) as n from raw.registry_events")[0]["n"] == 3


@pytest.mark.parametrize("first", ["a", "b", "c", "d", None])
def test_the_order_of_arrival_never_matters(warehouse: Warehouse, drop: Path, first: str | None) -> None:
    files = {
        "a": [account("old", "2026-01-01T00:00:00Z"), account("older", "2025-01-01T00:00:00Z")],
        "b": [account("tie, earlier name", "2026-02-01T00:00:00Z")],
        "c": [account("tie, earlier line", "2026-02-01T00:00:00Z"), account("winner", "2026-02-01T00:00:00Z")],
        "d": [account("of no time", None)],
    }
    for name in sorted(files, key=lambda name: name != first):
        put(drop, f"registry/accounts/{name}.ndjson", files[name])
        if first is not None:
            load(warehouse, drop)
    load(warehouse, drop)

    rows = fetch(warehouse, "select name, file_line from raw.registry_accounts")

    assert rows == [{"name": "winner", "file_line": 2}]


def test_many_small_files_in_one_batch_are_counted_one_by_one(warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/0.ndjson", [event(1)])
    load(warehouse, drop)
    put(drop, "registry/events/1.ndjson", [event(1), event(2), event(2)])
    put(drop, "registry/events/2.ndjson", [event(2), event(3)])
    put(drop, "registry/events/3.ndjson", [event(4), event(5, event_type="telemetry:other")])

    loads = {each.file_name[-8:]: each for each in load(warehouse, drop).loads}

    assert all(each.rows_seen == each.rows_loaded + each.rows_merged + each.rows_quarantined for each in loads.values())
    assert sum(each.rows_loaded for each in loads.values()) == 4 - 0 - 1 + 0
    assert loads["3.ndjson"].rows_quarantined == 1
    assert fetch(warehouse, "select count(*) as n from raw.registry_events")[0]["n"] == 4


UNTAKEN = [
    ({"event_id": ...}, "event_id is missing"),
    ({"event_id": None}, "event_id is missing"),
    ({"event_id": ""}, "event_id is missing"),
    ({"created_at": ...}, "created_at is missing"),
    ({"created_at": "01.02.2026 10:00"}, "created_at is not an ISO 8601 time"),
    ({"created_at": "2026-02-30T00:00:00Z"}, "created_at is not an ISO 8601 time"),
    ({"created_at": 1769940000}, "created_at is not an ISO 8601 time"),
    ({"event_type": "telemetry:made_up"}, "unknown event_type"),
    ({"created_at": "2099-01-01T00:00:00Z"}, "created_at lies in the future"),
    ({"metadata": "not an object"}, "metadata is not a JSON object or array"),
    ({"user_agent": "a\u0000b"}, "holds a NUL character"),
    ({"event_id": "bob@example.com"}, "event_id holds what must not be stored"),
]


def test_a_row_that_cannot_be_taken_waits_in_quarantine_with_its_reason(warehouse: Warehouse, drop: Path) -> None:
    bad = [event(100 + number, **changes) for number, (changes, _) in enumerate(UNTAKEN)]
    put(drop, "registry/events/one.ndjson", [event(1), *bad, event(2)])

    [result] = load(warehouse, drop).loads
    assert result.error is None

    assert (result.rows_loaded, result.rows_quarantined) == (2, len(UNTAKEN))
    rows = fetch(warehouse, "select * from raw.quarantine order by file_line")
    assert [(row["file_line"], row["reason"]) for row in rows] == [
        (number + 2, reason) for number, (_, reason) in enumerate(UNTAKEN)
    ]
    for row in rows:
        assert row["resolved_at"] is None
        assert "person-1" not in row["row_text"]
        assert "bob" not in row["row_text"]


def test_a_row_less_than_a_day_ahead_of_the_clock_lands(warehouse: Warehouse, drop: Path) -> None:
    ahead = datetime(2096, 2, 29, 12)
    put(
        drop,
        "registry/events/one.ndjson",
        [event(1, created_at="2096-03-01T11:59:00"), event(2, created_at="2096-03-01T12:01:00")],
    )

    [result] = import_drop(warehouse, drop, as_of=ahead).loads

    assert (result.rows_loaded, result.rows_quarantined) == (1, 1)


def test_what_has_happened_by_now_lands_though_the_clock_is_of_long_ago(warehouse: Warehouse, drop: Path) -> None:
    now = datetime.now(UTC)
    rows = [event(1, created_at=now.isoformat()), event(2, created_at=(now + timedelta(days=1, hours=1)).isoformat())]
    put(drop, "registry/events/one.ndjson", rows)

    [result] = import_drop(warehouse, drop, as_of=datetime(2020, 1, 1, tzinfo=UTC)).loads

    assert (result.rows_loaded, result.rows_quarantined) == (1, 1)


def test_a_localised_or_broken_number_is_an_error_not_a_guess(warehouse: Warehouse, drop: Path) -> None:
    amounts = [100, "1,50", "1.000,00", "12.5", "NaN", "1e3"]
    rows = [{"month": f"2026-{n:02}", "category": "tools", "amount_cents": each} for n, each in enumerate(amounts, 1)]
    put(drop, "finance/costs/one.ndjson", rows)

    load(warehouse, drop)

    reasons = fetch(warehouse, "select reason, count(*) as n from raw.quarantine group by reason")
    assert reasons == [{"reason": "amount_cents is not a whole number", "n": 5}]
    [row] = fetch(warehouse, "select month, amount_cents from raw.finance_costs")
    assert (row["month"].isoformat(), row["amount_cents"]) == ("2026-01-01", 100)


def test_broken_lines_are_quarantined_and_blank_ones_are_nothing(warehouse: Warehouse, drop: Path) -> None:
    lines = [json.dumps(event(1)), "", '{"event_id": "x", "actor": "person-9", ', "[1, 2]", json.dumps(event(2)), ""]
    put(drop, "registry/events/one.ndjson", "\r\n".join(lines))

    [result] = load(warehouse, drop).loads
    assert result.error is None

    assert (result.rows_seen, result.rows_loaded, result.rows_quarantined) == (4, 2, 2)
    rows = fetch(warehouse, "select file_line, reason, row_text from raw.quarantine order by file_line")
    assert [(row["file_line"], row["reason"]) for row in rows] == [(3, "not a JSON object"), (4, "not a JSON object")]
    assert "person-9" not in rows[0]["row_text"]
    landed = fetch(warehouse, "select file_line from raw.registry_events order by file_line")
    assert [row["file_line"] for row in landed] == [1, 5]


def test_unknown_keys_are_kept_and_every_keys_fill_is_recorded(warehouse: Warehouse, drop: Path) -> None:
    put(
        drop,
        "registry/events/one.ndjson",
        [event(1, planet="earth"), event(2, auth_tier=None, metadata={"skill_name": "a/b"})],
    )

    load(warehouse, drop)

    [row] = fetch(warehouse, "select extra from raw.registry_events where extra is not null")
    assert (row["extra"] if isinstance(row["extra"], dict) else json.loads(row["extra"])) == {"planet": "earth"}
    [ledger] = fetch(warehouse, "select key_fill from raw.import_ledger")
    fill = ledger["key_fill"] if isinstance(ledger["key_fill"], dict) else json.loads(ledger["key_fill"])
    assert (fill["auth_tier"], fill["planet"], fill["metadata.success"], fill["event_id"]) == (0.5, 0.5, 0.5, 1.0)


HOSTILE = [
    "bob@example.com",
    "/home/bob/secret.py",
    "ghp_abcdefghij0123456789",
    "198.51.100.77",
    "how do I",
    "Robert B",
]


def test_nothing_private_reaches_any_table(warehouse: Warehouse, drop: Path) -> None:
    private = {
        "query": "how do I",
        "toolArguments": {"deep": ["how do I"]},
        "nested": {"list": [{"file_path": "/home/bob/secret.py", "note": "see /home/bob/secret.py"}]},
        "email": "bob@example.com",
        "full_name": "Robert B",
        "text": "bob@example.com from 198.51.100.77 with ghp_abcdefghij0123456789",
        "stack": "Traceback (most recent call last)",
        "has_query": True,
    }
    put(
        drop,
        "registry/events/one.ndjson",
        [
            event(
                1,
                metadata=private,
                user_agent="bob@example.com",
                ip_prefix="198.51.100.77",
                **{"more": private, "query": "how do I"},
            ),
            event(2, metadata=private, event_type="what bob@example.com did", query="how do I"),
        ],
    )
    put(
        drop,
        "registry/accounts/one.ndjson",
        [
            {"account_id": "a1", "kind": "individual", "name": "Robert B"},
            {"account_id": "a2", "kind": "team", "name": "Robert B", "is_internal": "maybe"},
        ],
    )

    load(warehouse, drop)

    for table in ("raw.registry_events", "raw.quarantine", "raw.import_ledger", "raw.registry_accounts"):
        text = json.dumps(fetch(warehouse, f"select * from {table}"), default=str)
        assert [value for value in HOSTILE if value in text] == [], table
    [row] = fetch(warehouse, "select ip_prefix, metadata from raw.registry_events")
    metadata = row["metadata"] if isinstance(row["metadata"], dict) else json.loads(row["metadata"])
    assert row["ip_prefix"] == "198.51.100.0/24"
    assert metadata["has_query"] is True
    assert metadata["nested"] == {"list": [{"note": "see [path]"}]}
    ledger = fetch(warehouse, "select removed from raw.import_ledger where entity = 'events'")[0]["removed"]
    removed = ledger if isinstance(ledger, dict) else json.loads(ledger)
    assert (removed["query"], removed["email"], removed["ip_prefix"]) == (3, 5, 1)


def parquet(rows: list[dict[str, Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue().to_pybytes()


def request(number: int) -> dict[str, Any]:
    return {
        "request_id": f"r{number}", "started_at": "2026-02-01T00:00:00Z", "account_id": None, "route": "search",
        "method": "GET", "status_code": 200, "duration_ms": 12.5, "region": "eu",
    }  # fmt: skip


def as_csv(rows: list[dict[str, Any]]) -> str:
    lines = [",".join(rows[0])]
    lines += [",".join("" if value is None else str(value) for value in row.values()) for row in rows]
    return "\n".join(lines) + "\n"


FORMATS = [
    ("x.ndjson", lambda rows: rows),
    ("x.jsonl.gz", lambda rows: rows),
    (
        "x.ndjson.zst",
        lambda rows: pa.compress("".join(json.dumps(r) + "\n" for r in rows).encode(), "zstd", asbytes=True),
    ),
    ("x.csv", as_csv),
    ("x.csv.gz", as_csv),
    ("x.parquet", parquet),
    ("x [1]*.ndjson", lambda rows: rows),
    ("bom.csv", lambda rows: "\ufeff" + as_csv(rows)),
]


def test_every_format_gives_the_same_rows(warehouse: Warehouse, drop: Path) -> None:
    for number, (name, content) in enumerate(FORMATS):
        put(drop, f"registry/api_requests/{name}", content([request(10 * number + 1), request(10 * number + 2)]))

    report = load(warehouse, drop)

    assert report.refused == []
    rows = fetch(
        warehouse,
        "select file_name, request_id, account_id, status_code, duration_ms, extra from raw.registry_api_requests",
    )
    assert sorted(tuple(row.values()) for row in rows) == sorted(
        (f"registry/api_requests/{name}", f"r{10 * number + which}", None, 200, 12.5, None)
        for number, (name, _) in enumerate(FORMATS)
        for which in (1, 2)
    )


def test_a_json_null_in_a_cell_is_absent_as_it_is_in_a_line(warehouse: Warehouse, drop: Path) -> None:
    rows = [event(1, metadata=None), event(2, metadata={"a": 1})]
    put(drop, "registry/events/x.ndjson", rows)
    cells = [{**event(n), "metadata": text} for n, text in ((3, "null"), (4, '{"a": 1}'), (5, '"null and more"'))]
    put(drop, "registry/events/x.csv", as_csv(cells))

    load(warehouse, drop)

    found = fetch(
        warehouse, "select event_id, metadata is null as is_absent from raw.registry_events order by event_id"
    )
    assert [row["is_absent"] for row in found] == [True, False, True, False]
    reasons = fetch(warehouse, "select reason from raw.quarantine")
    assert reasons == [{"reason": "metadata is not a JSON object or array"}]


def test_a_ragged_csv_row_is_quarantined_and_the_lines_after_it_keep_their_numbers(
    warehouse: Warehouse, drop: Path
) -> None:
    put(drop, "status/checks/x.csv", "component,checked_at,probe,status\n"
        "website,2026-02-01 00:00:00,external,operational\nwebsite,2026-02-01\n"
        "website,2026-02-01 00:10:00,external,broken\nwebsite,2026-02-01 00:15:00,external,outage\n")  # fmt: skip

    [result] = load(warehouse, drop).loads
    assert result.error is None

    assert (result.rows_seen, result.rows_loaded, result.rows_quarantined) == (4, 2, 2)
    rows = fetch(warehouse, "select file_line, reason from raw.quarantine order by file_line")
    assert [row["file_line"] for row in rows] == [3, 4]
    assert rows[1]["reason"] == "status is not one of the known values"
    assert [r["file_line"] for r in fetch(warehouse, "select file_line from raw.status_checks order by 1")] == [2, 5]


WHOLE = "".join(json.dumps(event(n)) + "\n" for n in range(200))


UNFIT = [
    ("x.ndjson.gz", gzip.compress(WHOLE.encode())[:-30], "cut short"),
    ("x.ndjson.gz", b"no gzip at all", "not gzip"),
    ("x.ndjson", WHOLE[:-40], "ends in the middle of a line"),
    ("x.ndjson", b'{"event_id": "\xff\xfe"}\n', "not UTF-8"),
    ("x.ndjson", WHOLE.encode("utf-16"), "UTF-16"),
    ("x.ndjson", "a,b\n1,2\n", "no line of it is a JSON object"),
    ("x.ndjson", json.dumps([event(1)]), "one JSON array"),
    ("x.parquet", b"PAR1" + b"\0" * 50, "cut short"),
    ("x.parquet", WHOLE, "is not parquet"),
    ("x.csv", "created_at,event_type\n2026-02-01,search:metrics\n", "has no column event_id"),
    ("x.ndjson", '{"event_id": "1", "created_at": "2026-02-01"}\n', "no row of it has event_type"),
    ("x.txt", "hello", "unknown format"),
]


def test_a_file_that_is_not_what_it_should_be_is_refused_whole_and_the_others_load(
    warehouse: Warehouse, drop: Path
) -> None:
    put(drop, "registry/events/good.ndjson", [event(9001)])
    says = {}
    for number, (name, content, words) in enumerate(UNFIT):
        says[f"registry/events/{number}{name}"] = words
        put(drop, f"registry/events/{number}{name}", content if isinstance(content, bytes) else content.encode())

    errors = {refused.file_name: str(refused.error) for refused in load(warehouse, drop).refused}

    assert errors.keys() == says.keys()
    for name, error in errors.items():
        assert says[name] in error
        assert name in error
        assert "\n" not in error
    assert fetch(warehouse, "select count(*) as n from raw.registry_events")[0]["n"] == 1
    assert fetch(warehouse, "select count(*) as n from raw.quarantine")[0]["n"] == 0
    load(warehouse, drop)
    rows = fetch(warehouse, "select file_name, error from raw.import_ledger where outcome = 'refused'")
    assert {row["file_name"]: row["error"] for row in rows} == errors
    assert len(rows) == len(errors)


def test_a_reference_is_kept_version_by_version_and_a_bad_one_leaves_the_last_in_force(
    warehouse: Warehouse, drop: Path
) -> None:
    put(drop, "reference/holidays.csv", "day,name\n2026-01-01,New Year\n2026-12-25,Christmas\n")
    load(warehouse, drop)
    put(drop, "reference/holidays.csv", "day,name\n2026-01-01,New Year\n")
    load(warehouse, drop)
    put(drop, "reference/holidays.csv", "day,name\n2026-01-01,New Year\n1st of May,Labour Day\n")

    report = load(warehouse, drop)

    assert "day is not a date" in str(report.refused[0].error)
    rows = fetch(
        warehouse, "select version, count(*) as rows from raw.reference_holidays group by version order by version"
    )
    assert rows == [{"version": 1, "rows": 2}, {"version": 2, "rows": 1}]


def test_the_one_wrong_row_of_a_reference_is_told_as_one_with_its_line(duckdb_warehouse: Warehouse, drop: Path) -> None:
    put(drop, "reference/holidays.csv", "day,name\n2026-05-01,Labour Day\n1st of June,Whit Monday\n")

    [refused] = load(duckdb_warehouse, drop).refused

    told = "reference/holidays.csv: day is not a date in 1 row (in line 3); nothing of it is in force"
    assert refused.error == told


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("acme,2026-02-01,0,0.5", "hourly_rate_cents is below 1"),
        ("acme,2026-02-01,-6000,0.5", "hourly_rate_cents is below 1"),
        ("acme,2026-02-01,60.5,0.5", "hourly_rate_cents is not a whole number"),
        ("acme,2026-02-01,10000001,0.5", "hourly_rate_cents is above 10000000"),
        ("acme,2026-02-01,6000,0", "recapture_share is not above 0"),
        ("acme,2026-02-01,6000,-0.1", "recapture_share is not above 0"),
        ("acme,2026-02-01,6000,1.01", "recapture_share is above 1"),
        ("acme,2026-02-01,6000,50%", "recapture_share is not a number"),
        ("acme,1st of May,6000,0.5", "valid_from is not a date"),
        ("acme,,6000,0.5", "valid_from is missing"),
        (",2026-02-01,6000,0.5", "account_id is missing"),
        ("beta,2026-03,7000,0.5", "account_id and valid_from are the same"),
    ],
)
def test_what_an_hour_is_worth_is_refused_whole_for_one_wrong_row(
    duckdb_warehouse: Warehouse, drop: Path, row: str, reason: str
) -> None:
    good = "beta,2026-02,1,1\nbeta,2026-03-01,10000000,0.001\ngamma,2026-02-01,6000,\ndelta,2026-02-01,,\n"
    header = "account_id,valid_from,hourly_rate_cents,recapture_share\n"
    put(drop, "reference/time_value.csv", header + good)
    load(duckdb_warehouse, drop)
    put(drop, "reference/time_value.csv", header + good + row + "\n")

    report = load(duckdb_warehouse, drop)

    error = str(report.refused[0].error)
    assert reason in error
    assert error.endswith("nothing of it is in force")
    assert fetch(
        duckdb_warehouse,
        "select account_id, version, cast(valid_from as text) as since, hourly_rate_cents, recapture_share "
        "from raw.reference_time_value order by file_line",
    ) == [
        {"account_id": account, "version": 1, "since": since, "hourly_rate_cents": rate, "recapture_share": share}
        for account, since, rate, share in (
            ("beta", "2026-02-01", 1, 1.0),
            ("beta", "2026-03-01", 10_000_000, 0.001),
            ("gamma", "2026-02-01", 6000, None),
            ("delta", "2026-02-01", None, None),
        )
    ]


@pytest.mark.parametrize(
    ("name", "header", "good", "bad", "says"),
    [
        (
            "time_saved_assumptions", "assumption_set,skill_name,low,mode,high,grade,valid_from",
            "default,*,0,1,3,assumed,2020-01-01", "default,commit,5,1,3,assumed,2020-01-01", "low is above mode",
        ),
        (
            "time_saved_assumptions", "assumption_set,skill_name,low,mode,high,grade,valid_from",
            "default,*,-2,-2,-2,assumed,2020-01-01", "default,commit,0,3.5,3,assumed,2020-01-01", "mode is above high",
        ),
        (
            "time_saved_factors", "assumption_set,factor,low,mode,high",
            "default,kept,0,1,1", "default,incremental,0.9,0.6,1", "low is above mode",
        ),
    ],
)  # fmt: skip
def test_a_distribution_that_is_none_has_its_file_refused_with_the_line(
    warehouse: Warehouse, drop: Path, name: str, header: str, good: str, bad: str, says: str
) -> None:
    put(drop, f"reference/{name}.csv", f"{header}\n{good}\n")
    assert not load(warehouse, drop).refused
    put(drop, f"reference/{name}.csv", f"{header}\n{good}\n{bad}\n{bad}\n")

    [refused] = load(warehouse, drop).refused

    assert f"reference/{name}.csv: {says} in 2 rows (the first in line 3); nothing of it is in force" in str(
        refused.error
    )
    assert fetch(warehouse, f"select max(version) as version, count(*) as rows from raw.reference_{name}") == [
        {"version": 1, "rows": 1}
    ]


def test_an_empty_folder_is_nothing_to_import_and_the_tables_are_there(warehouse: Warehouse, drop: Path) -> None:
    report = load(warehouse, drop)

    assert (report.loads, report.known, report.rows_seen) == ([], 0, 0)
    assert fetch(warehouse, "select count(*) as n from raw.github_stargazers")[0]["n"] == 0


def test_a_manifest_states_the_rows_and_a_wrong_checksum_refuses_the_file(warehouse: Warehouse, drop: Path) -> None:
    good = put(drop, "registry/events/a.ndjson", [event(1)])
    put(drop, "registry/events/b.ndjson", [event(2)])
    digest = hashlib.sha256(good.read_bytes()).hexdigest()
    put(drop, "registry/events/_manifest.json", json.dumps({"files": [
        {"name": "a.ndjson", "rows": 5, "sha256": digest}, {"name": "b.ndjson", "rows": 1, "sha256": "0" * 64},
    ]}))  # fmt: skip

    report = load(warehouse, drop)

    assert [(each.outcome, each.rows_claimed) for each in sorted(report.loads, key=lambda each: each.file_name)] == [
        ("loaded", 5),
        ("refused", 1),
    ]


def test_stripe_events_keep_what_revenue_needs_and_no_customer(warehouse: Warehouse, drop: Path) -> None:
    subscription = {
        "id": "sub_1", "object": "subscription", "status": "active", "customer": {"id": "cus_1", "name": "Robert B"},
        "metadata": {"account_id": "a1", "tier": "team", "buyer": "Robert B", "reason": "Robert B asked for it"},
        "items": {"data": [{"quantity": 3, "price": {"unit_amount": 2500, "recurring": {"interval": "month"}}}]},
        "default_payment_method": {"card": {"last4": "4242"}}, "customer_email": "bob@example.com",
    }  # fmt: skip
    put(drop, "billing/stripe_events/x.ndjson", [
        {"id": "evt_1", "object": "event", "type": "customer.subscription.created", "created": 1769940000,
         "api_version": "2025-01-01", "data": {"object": subscription}, "request": {"idempotency_key": "k"}},
        {"id": "evt_2", "type": "customer.subscription.updated", "created": "soon", "data": {"object": subscription}},
    ])  # fmt: skip

    load(warehouse, drop)

    [row] = fetch(warehouse, "select * from raw.billing_stripe_events")
    data = row["data"] if isinstance(row["data"], dict) else json.loads(row["data"])
    assert data["object"] == {
        "id": "sub_1", "object": "subscription", "status": "active", "customer": {"id": "cus_1"},
        "metadata": {"account_id": "a1", "tier": "team"},
        "items": {"data": [{"quantity": 3, "price": {"unit_amount": 2500, "recurring": {"interval": "month"}}}]},
    }  # fmt: skip
    text = json.dumps(fetch(warehouse, "select * from raw.quarantine"), default=str)
    assert [value for value in [*HOSTILE, "4242"] if value in text + json.dumps(row, default=str)] == []


def test_both_shapes_of_archive_events_give_the_same_facts(warehouse: Warehouse, drop: Path) -> None:
    old = {
        "created_at": "2014-01-23T04:03:29-08:00", "type": "PushEvent", "actor": "bob",
        "actor_attributes": {"name": "Robert B", "email": "bob@example.com"},
        "payload": {"ref": "refs/heads/master", "size": 2, "shas": [["1", "bob@example.com", "fix", "Robert B", True]]},
        "repository": {"id": 7, "name": "thing", "owner": "acme"},
    }  # fmt: skip
    new = {
        "id": "123", "type": "PullRequestEvent", "created_at": "2021-01-01T00:00:00Z",
        "actor": {"id": 1, "login": "bob"},
        "repo": {"id": 7, "name": "acme/thing"},
        "payload": {"action": "closed", "number": 5, "pull_request": {"merged": True, "title": "Robert B"}},
    }  # fmt: skip
    put(drop, "github/archive_events/2014-01-23-4.json", "ignored? no: refused")
    put(drop, "github/archive_events/x.ndjson.gz", [old, new])

    report = load(warehouse, drop)

    assert len(report.refused) == 1
    rows = fetch(warehouse, "select * from raw.github_archive_events order by created_at")
    canonical = json.dumps(old, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert [row["id"] for row in rows] == [hashlib.md5(canonical.encode()).hexdigest(), "123"]
    assert {row["actor_key"] for row in rows} == {hmac.new(KEY, b"bob", hashlib.sha256).hexdigest()}
    assert {(row["repository_id"], row["repository_name"]) for row in rows} == {("7", "acme/thing")}
    payloads = [p if isinstance(p, dict) else json.loads(p) for p in (row["payload"] for row in rows)]
    assert payloads == [
        {"ref": "refs/heads/master", "size": 2, "commits": 1},
        {"action": "closed", "number": 5, "pull_request": {"merged": True}},
    ]
    assert [value for value in HOSTILE if value in json.dumps(rows, default=str)] == []


@pytest.mark.parametrize(
    "name", ["registry/evnts/x.ndjson", "registy/events/x.ndjson", "reference/prices.csv", "registry/x.ndjson"]
)
def test_a_misspelt_folder_is_named_before_anything_loads(duckdb_warehouse: Warehouse, drop: Path, name: str) -> None:
    put(drop, "registry/events/good.ndjson", [event(1)])
    put(drop, name, "x")

    with pytest.raises(UsageError, match="known are"):
        load(duckdb_warehouse, drop)

    assert fetch(duckdb_warehouse, "select count(*) as n from raw.import_ledger")[0]["n"] == 0


def test_a_missing_drop_folder_says_what_to_do(duckdb_warehouse: Warehouse, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--drop"):
        load(duckdb_warehouse, tmp_path / "nowhere")


def test_only_the_entities_asked_for_are_loaded(duckdb_warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/x.ndjson", [event(1)])
    put(drop, "registry/accounts/x.ndjson", [account("x", "2026-01-01")])

    report = load(duckdb_warehouse, drop, entities=["registry/accounts"])

    assert list(report.by_entity()) == ["registry/accounts"]
    with pytest.raises(UsageError, match="no entity"):
        load(duckdb_warehouse, drop, entities=["registry/planets"])


def test_progress_is_told_entity_file_rows_and_seconds(duckdb_warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/x.ndjson", [event(1), event(2)])
    told: list[tuple[str, str, int, float]] = []

    load(duckdb_warehouse, drop, progress=lambda *each: told.append(each))

    assert [each[:3] for each in told] == [("registry/events", "registry/events/x.ndjson", 2)]
    assert told[0][3] > 0


def test_small_files_share_one_transaction_with_their_ledger_rows(
    postgres_settings: Settings, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(40):
        put(drop, f"registry/events/{number:02}.ndjson", [event(number), event(number + 1)])
    begun = 0
    transaction = PostgresWriter.transaction

    def counted(writer: PostgresWriter) -> AbstractContextManager[None]:
        nonlocal begun
        begun += 1
        return transaction(writer)

    with open_warehouse(postgres_settings) as warehouse:
        warehouse.initialise(contract.table for contract in CONTRACTS.values())
        monkeypatch.setattr(PostgresWriter, "transaction", counted)
        report = load(warehouse, drop)
        # One brings the tables up, one lands every file.
        assert begun == 2
        assert len(report.loads) == 40
        assert sum(one.rows_loaded for one in report.loads) == 41
        assert fetch(warehouse, "select count(*) as n from raw.import_ledger where outcome = 'loaded'") == [{"n": 40}]

        # All or nothing: where the ledger cannot be written, no row stays.
        def broken(*_: Any) -> None:
            raise RuntimeError("killed here")

        put(drop, "registry/events/later.ndjson", [event(100)])
        put(drop, "registry/events/latest.ndjson", [event(101)])
        monkeypatch.setattr(PostgresWriter, "append", broken)
        with pytest.raises(RuntimeError, match="killed here"):
            load(warehouse, drop)
        assert fetch(warehouse, "select count(*) as n from raw.registry_events") == [{"n": 41}]


def test_a_file_beside_others_that_were_there_counts_its_own_new_rows(warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/a.ndjson", [event(1), event(2)])
    load(warehouse, drop)
    put(drop, "registry/events/b.ndjson", [event(2), event(3)])
    put(drop, "registry/events/c.ndjson", [event(1), event(2), event(4), event(5)])

    loads = load(warehouse, drop).loads

    assert [(one.rows_seen, one.rows_loaded, one.rows_merged) for one in loads] == [(2, 1, 1), (4, 2, 2)]


def test_a_server_keeps_of_each_day_when_its_rows_came_and_the_days_that_rollups_have_to_follow(
    postgres_settings: Settings, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_warehouse(postgres_settings) as warehouse:
        monkeypatch.setattr(warehouse, "freshen", lambda: None)
        loaded_at: list[datetime] = []

        def bring(**created: str) -> None:
            """A file of events by their number, and what the server noted of its range."""
            rows = [event(int(name[1:]), created_at=at) for name, at in created.items()]
            put(drop, f"registry/events/{len(loaded_at)}.ndjson", rows)
            load(warehouse, drop)
            loaded_at.append(fetch(warehouse, "select max(loaded_at) as at from raw.registry_events")[0]["at"])

        def days() -> list[tuple[int, int, int]]:
            found = fetch(warehouse, "select day, row_count, last_loaded_at from raw.days order by day")
            return [(row["day"].day, row["row_count"], loaded_at.index(row["last_loaded_at"])) for row in found]

        def ranges() -> list[tuple[datetime, datetime]]:
            found = fetch(warehouse, "select first_at, last_at from ops.rollup_ranges")
            with warehouse.write() as writer:
                writer.execute("delete from ops.rollup_ranges")
            return [(row["first_at"], row["last_at"]) for row in found]

        bring(e1="2026-02-01T10:00:00Z", e2="2026-02-03T23:30:00Z")
        assert days() == [(1, 1, 0), (3, 1, 0)]
        # To the end of the last day, which is the beginning of the next.
        assert ranges() == [(datetime(2026, 2, 1), datetime(2026, 2, 4))]

        bring(e3="2026-02-01T11:00:00Z")
        assert days() == [(1, 2, 1), (3, 1, 0)]
        assert ranges() == [(datetime(2026, 2, 1), datetime(2026, 2, 2))]

        # Moved to the day before: both days are others than they were.
        bring(e2="2026-02-02T10:00:00Z")
        assert days() == [(1, 2, 1), (2, 1, 2), (3, 0, 2)]
        assert ranges() == [(datetime(2026, 2, 2), datetime(2026, 2, 4))]
