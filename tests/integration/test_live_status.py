"""The status page read live, from a server that misbehaves, to checks and incidents in either warehouse.

A poll that fails must leave nothing that could be taken for "up". The clock is 10 June 2026, 12:00 UTC.
"""

import gzip
import json
import shutil
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from ingest.contracts import CONTRACTS
from ingest.files import import_drop
from ingest.live import cursor_of, import_live
from ingest.live.status_page import StatusPageSource
from ingest.live.window import Window
from warehouse import Warehouse
from warehouse.errors import SourceError, TransientError, UsageError
from warehouse.settings import load_settings

Row = dict[str, Any]

NOW = datetime(2026, 6, 10, 12, tzinfo=UTC)
CHECKS, INCIDENTS = CONTRACTS["status/checks"], CONTRACTS["status/incidents"]


def document(generated_at: str = "2026-06-10T11:58:00Z", **changes: Any) -> Row:
    data: Row = {
        "generated_at": generated_at,
        "components": [
            {"slug": "website", "status": "operational", "latency_ms": 120, "checked_at": "2026-06-10T11:55:00Z"},
            {"slug": "search-api", "status": "degraded", "latency_ms": 2100.5, "checked_at": "2026-06-10T11:55:02Z"},
            {"slug": "edge-cache", "status": "outage", "latency_ms": None, "checked_at": "2026-06-10T13:55:04+02:00"},
        ],
        "incidents": [
            {
                "id": "inc-1",
                "title": "Search is slow, write to ops@example.com",
                "impact": "minor",
                "status": "monitoring",
                "started_at": "2026-06-10T11:00:00Z",
                "resolved_at": None,
                "affected_components": ["search-api"],
                "updates": [
                    {"body": "Looking into it", "created_at": "2026-06-10T11:05:00Z"},
                    {"body": "A fix is out", "created_at": "2026-06-10T11:40:00Z"},
                ],
            }
        ],
    }
    return {"data": {key: value for key, value in (data | changes).items() if value is not ...}}


Answer = Callable[["_Handler"], None]


class _Handler(BaseHTTPRequestHandler):
    server: "_Server"

    def do_GET(self) -> None:
        self.server.page.asked.append(self.path)
        self.server.page.answer(self)

    def send(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in {"content_length": str(len(body)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    page: "Page"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass


def answers(body: Row | bytes, status: int = 200, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return lambda handler: handler.send(status, content, **headers)


def by_drops(handler: _Handler) -> None:
    handler.send_response(200)
    handler.send_header("content-length", "100000")
    handler.end_headers()
    for _ in range(100):
        handler.wfile.write(b" ")
        time.sleep(0.05)


def head_by_drops(handler: _Handler) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
    for number in range(90):
        handler.wfile.write(f"x-{number}: y\r\n".encode())
        time.sleep(0.05)


def breaks_off(handler: _Handler) -> None:
    body = json.dumps(document()).encode()
    handler.send_response(200)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])


def resets(handler: _Handler) -> None:
    breaks_off(handler)
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


@dataclass
class Page:
    """A status page: what it answers, and what it was asked."""

    answer: Answer = field(default_factory=lambda: answers(document()))
    asked: list[str] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def page() -> Iterator[Page]:
    opened = Page()
    server = _Server(("127.0.0.1", 0), _Handler)
    server.page = opened
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    opened.url = f"http://127.0.0.1:{server.server_address[1]}/status-public"
    yield opened
    server.shutdown()
    server.server_close()
    thread.join()


def source(page: Page, now: datetime = NOW, **options: Any) -> StatusPageSource:
    return StatusPageSource(load_settings(status_url=page.url), now=lambda: now, **options)


def poll(page: Page, spool: Path, cursors: dict[str, str | None] | None = None, **options: Any) -> list[Window]:
    """One poll, both entities, as the importer asks for them."""
    opened = source(page, **options)
    cursors = cursors or {}
    found = [
        window
        for contract in (CHECKS, INCIDENTS)
        for window in opened.windows(contract, cursors.get(contract.name), spool)
    ]
    opened.close()
    return found


def land(warehouse: Warehouse, windows: list[Window], drop: Path) -> None:
    for window in windows:
        folder = drop / window.contract.source / window.contract.entity
        folder.mkdir(parents=True, exist_ok=True)
        shutil.move(window.path, folder / window.path.name)
    assert not import_drop(warehouse, drop, as_of=NOW).refused


def fetch(warehouse: Warehouse, statement: str) -> list[Row]:
    with warehouse.write() as writer:
        return writer.fetch(statement)


def test_components_and_incidents_land_as_the_document_has_them(
    page: Page, warehouse: Warehouse, tmp_path: Path
) -> None:
    windows = poll(page, tmp_path / "spool")
    land(warehouse, windows, tmp_path / "drop")

    assert page.asked == ["/status-public"]
    assert [(window.contract.name, window.cursor_after, window.rows_claimed) for window in windows] == [
        ("status/checks", "2026-06-10T11:58:00.000000Z", 3),
        ("status/incidents", "2026-06-10T11:58:00.000000Z", 1),
    ]
    checks = fetch(warehouse, "select * from raw.status_checks order by component")
    assert [
        (row["component"], row["probe"], row["status"], row["latency_ms"], f"{row['checked_at']:%H:%M:%S}")
        for row in checks
    ] == [
        ("edge-cache", "external", "outage", None, "11:55:04"),
        ("search-api", "external", "degraded", 2100.5, "11:55:02"),
        ("website", "external", "operational", 120.0, "11:55:00"),
    ]
    [incident] = fetch(warehouse, "select * from raw.status_incidents")
    assert (incident["incident_id"], incident["impact"], incident["status"]) == ("inc-1", "minor", "monitoring")
    assert (f"{incident['started_at']:%H:%M}", incident["resolved_at"]) == ("11:00", None)
    # It is of this poll's version, and was last changed by its second update.
    assert f"{incident['updated_at']:%H:%M}" == "11:58"
    extra = incident["extra"]
    assert (json.loads(extra) if isinstance(extra, str) else extra)["changed_at"] == "2026-06-10T11:40:00.000000Z"
    components = incident["components"]
    assert (json.loads(components) if isinstance(components, str) else components) == ["search-api"]
    assert "ops@example.com" not in str(incident)
    assert "A fix is out" in str(incident["extra"])


def test_the_same_document_twice_changes_nothing(page: Page, warehouse: Warehouse, tmp_path: Path) -> None:
    first = poll(page, tmp_path / "spool")
    land(warehouse, first, tmp_path / "drop")
    tables = ("raw.status_checks", "raw.status_incidents")
    before = [fetch(warehouse, f"select * from {table} order by 1, 2") for table in tables]

    reached = {window.contract.name: window.cursor_after for window in first}
    assert poll(page, tmp_path / "spool", reached) == []
    # Even where the cursor was lost: the rows are those that are there.
    land(warehouse, poll(page, tmp_path / "spool"), tmp_path / "drop")

    after = [fetch(warehouse, f"select * from {table} order by 1, 2") for table in tables]
    of_the_load = ("load_id", "loaded_at", "file_name", "file_line")
    for rows in (*before, *after):
        for row in rows:
            for name in of_the_load:
                del row[name]
    assert after == before


def test_a_later_document_adds_its_checks_and_closes_its_incident(
    page: Page, warehouse: Warehouse, tmp_path: Path
) -> None:
    first = poll(page, tmp_path / "spool")
    later = document("2026-06-10T12:03:00Z")
    later["data"]["components"][0] |= {"checked_at": "2026-06-10T12:00:00Z", "status": "outage"}
    later["data"]["incidents"][0] |= {"status": "resolved", "resolved_at": "2026-06-10T12:01:00Z"}
    page.answer = answers(later)
    second = poll(page, tmp_path / "spool", {window.contract.name: window.cursor_after for window in first})
    land(warehouse, second, tmp_path / "drop")
    land(warehouse, first, tmp_path / "drop")

    checks = fetch(warehouse, "select component, status from raw.status_checks order by component, checked_at")
    # Only the website was probed again; the others are where they were.
    assert [(row["component"], row["status"]) for row in checks] == [
        ("edge-cache", "outage"),
        ("search-api", "degraded"),
        ("website", "operational"),
        ("website", "outage"),
    ]
    [incident] = fetch(warehouse, "select status, resolved_at from raw.status_incidents")
    assert (incident["status"], f"{incident['resolved_at']:%H:%M}") == ("resolved", "12:01")


def test_an_incident_that_is_corrected_or_opened_again_is_as_the_last_poll_has_it(
    page: Page, warehouse: Warehouse, tmp_path: Path
) -> None:
    incident = {"id": "i9", "title": "db", "affected_components": ["database"], "updates": []}
    ended = {"impact": "major", "status": "resolved", "started_at": "2026-06-10T11:00:00Z"}
    ended |= {"resolved_at": "2026-06-10T11:50:00Z"}
    # It began earlier than was thought, and has not ended: none of its times is later than before.
    again = {"impact": "critical", "status": "investigating", "started_at": "2026-06-10T10:30:00Z", "resolved_at": None}
    windows = []
    for minute, state in ((52, ended), (54, again)):
        page.answer = answers(document(f"2026-06-10T11:{minute}:00Z", incidents=[incident | state]))
        windows.append(poll(page, tmp_path / "spool"))

    # Whatever order they land in. What an older version has left has its own last time, 11:50.
    known = tmp_path / "drop" / "status" / "incidents" / "known.ndjson"
    known.parent.mkdir(parents=True)
    before = {"incident_id": "i9", "components": ["database"], "title": "db", "updated_at": "2026-06-10T11:50:00Z"}
    known.write_text(json.dumps(before | ended) + "\n")
    land(warehouse, [], tmp_path / "drop")
    for window in (windows[1], windows[0]):
        land(warehouse, window, tmp_path / "drop")
        rows = fetch(warehouse, "select impact, status, resolved_at from raw.status_incidents")
        assert rows == [{"impact": "critical", "status": "investigating", "resolved_at": None}]


@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (answers(b"", 500), TransientError, "answered 500"),
        (answers(b"", 503), TransientError, "answered 503"),
        (answers(b"", 429), TransientError, "answered 429"),
        (breaks_off, TransientError, "did not answer"),
        (resets, TransientError, "did not answer"),
        (by_drops, TransientError, "did not end within 1 s"),
        (head_by_drops, TransientError, "did not end within 1 s"),
        (answers(document("2026-06-10T11:44:00Z")), TransientError, "16 minutes ago"),
        (answers(document("2026-06-10T12:16:00Z")), TransientError, "16 minutes ahead"),
        (answers(document(components=[])), TransientError, "no component"),
        (answers(b"<html>all systems operational</html>"), SourceError, "not JSON"),
        (answers(b"", 200), SourceError, "not JSON"),
        (answers(b"\xff\xfe\x00"), SourceError, "not JSON"),
        (answers(b"[" * 100_000), SourceError, "not JSON"),
        (answers(b'"up"'), SourceError, "not the status-public document"),
        (answers(document(components=...)), SourceError, "not the status-public document"),
        (answers(document(components=["website"])), SourceError, "not the status-public document"),
        (answers(document(generated_at=...)), SourceError, "not the status-public document"),
        (answers(document(incidents={})), SourceError, "not the status-public document"),
        (answers(document("yesterday")), SourceError, "generated_at"),
        (answers(document(generated_at=1_780_000_000)), SourceError, "generated_at"),
        (answers(b"", 404), SourceError, "answered 404"),
        (answers(b"", 401), SourceError, "answered 401"),
        (answers(b"x" * (5 << 20)), SourceError, "larger than"),
        (answers(gzip.compress(b" " * (64 << 20)), content_encoding="gzip"), SourceError, "larger than"),
    ],
)
def test_a_poll_that_fails_is_a_gap_and_not_up(
    page: Page, tmp_path: Path, answer: Answer, kind: type[Exception], says: str
) -> None:
    page.answer = answer
    opened = source(page, seconds=1.0)

    for contract in (CHECKS, INCIDENTS):
        with pytest.raises(kind, match=says):
            list(opened.windows(contract, None, tmp_path / "spool"))

    # One poll tells of both, and nothing was written.
    assert len(page.asked) == 1
    assert not (tmp_path / "spool").exists()


def test_no_server_is_a_gap(page: Page, tmp_path: Path) -> None:
    page.url = "http://127.0.0.1:9/status-public"

    with pytest.raises(TransientError, match="did not answer"):
        poll(page, tmp_path / "spool")


def test_a_redirect_is_not_followed(page: Page, tmp_path: Path) -> None:
    page.answer = answers(b"", 302, location=page.url + "/elsewhere")

    with pytest.raises(SourceError, match="redirects"):
        poll(page, tmp_path / "spool")

    assert page.asked == ["/status-public"]


def test_what_stands_behind_the_question_mark_is_not_shown(page: Page, tmp_path: Path) -> None:
    page.url += "?token=do-not-show"
    page.answer = answers(b"", 500)

    with pytest.raises(TransientError) as failed:
        poll(page, tmp_path / "spool")

    assert page.asked == ["/status-public?token=do-not-show"]
    assert "do-not-show" not in str(failed.value)


def test_a_source_that_lives_on_polls_again(page: Page, tmp_path: Path) -> None:
    opened = source(page)
    for _ in range(2):
        for contract in (CHECKS, INCIDENTS):
            list(opened.windows(contract, None, tmp_path / "spool"))

    assert len(page.asked) == 2


def test_after_a_failed_poll_the_next_one_is_not_the_one_before_it(page: Page, tmp_path: Path) -> None:
    opened = source(page)
    for contract in (CHECKS, INCIDENTS):
        assert len(list(opened.windows(contract, None, tmp_path / "spool"))) == 1
    page.answer = answers(b"", 500)

    for contract in (CHECKS, INCIDENTS):
        with pytest.raises(TransientError):
            list(opened.windows(contract, None, tmp_path / "spool"))


def test_a_status_that_is_unknown_to_us_is_set_aside_and_the_others_land(
    page: Page, warehouse: Warehouse, tmp_path: Path
) -> None:
    odd = document()
    odd["data"]["components"][0]["status"] = "partial_outage"
    del odd["data"]["components"][1]["checked_at"]
    page.answer = answers(odd)

    land(warehouse, poll(page, tmp_path / "spool"), tmp_path / "drop")

    assert [row["component"] for row in fetch(warehouse, "select component from raw.status_checks")] == ["edge-cache"]
    reasons = [row["reason"] for row in fetch(warehouse, "select reason from raw.quarantine order by file_line")]
    assert reasons == ["status is not one of the known values", "checked_at is missing"]


def test_an_import_says_why_a_poll_failed_and_leaves_what_was_there(page: Page, warehouse: Warehouse) -> None:
    as_of = NOW.replace(tzinfo=None)
    import_live(warehouse, source(page), as_of=as_of)
    page.answer = answers(b"", 503)

    with pytest.raises(TransientError, match="answered 503; the time stays a gap"):
        import_live(warehouse, source(page), as_of=as_of)

    for contract, rows in ((CHECKS, 3), (INCIDENTS, 1)):
        assert fetch(warehouse, f"select count(*) as n from {contract.table.qualified}") == [{"n": rows}]
        assert cursor_of(warehouse, contract) == "2026-06-10T11:58:00.000000Z"
    page.answer = answers(document())
    assert import_live(warehouse, source(page), as_of=as_of).loads == []


def test_a_page_whose_clock_was_ahead_holds_up_no_later_poll(page: Page, warehouse: Warehouse) -> None:
    def states(minute: int, generated_at: str, status: str) -> list[tuple[str, str]]:
        checked = {"slug": "website", "status": status, "latency_ms": 1, "checked_at": f"2026-06-10T12:{minute:02}:00Z"}
        incident = {"id": "i1", "title": "x", "status": status, "started_at": "2026-06-10T11:00:00Z"}
        page.answer = answers(document(generated_at, components=[checked], incidents=[incident]))
        now = NOW + timedelta(minutes=minute)
        import_live(warehouse, source(page, now=now), as_of=now)
        assert str(cursor_of(warehouse, CHECKS)) <= f"{now:%Y-%m-%dT%H:%M:%S.%fZ}"
        [known] = fetch(warehouse, "select status from raw.status_incidents")
        checks = fetch(warehouse, "select status from raw.status_checks order by checked_at desc")
        return [(known["status"], checks[0]["status"])]

    assert states(0, "2026-06-10T12:14:00Z", "outage") == [("outage", "outage")]
    assert states(5, "2026-06-10T12:19:00Z", "degraded") == [("degraded", "degraded")]
    # Put right, it is behind what it said.
    assert states(10, "2026-06-10T12:10:00Z", "operational") == [("operational", "operational")]
    assert states(15, "2026-06-10T12:14:30Z", "outage") == [("outage", "outage")]


def test_an_older_document_is_told_and_what_a_clock_of_ours_has_left_ahead_holds_up_nothing(
    page: Page, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def taken(cursor: str) -> int:
        caplog.clear()
        return len(poll(page, tmp_path / "spool", {contract.name: cursor for contract in (CHECKS, INCIDENTS)}))

    assert taken("2026-06-10T11:58:00.000000Z") == 0
    assert caplog.text == ""
    assert taken("2026-06-10T11:59:00.000000Z") == 0
    assert "status/checks: the page has gone back, from what it was at 2026-06-10T11:59" in caplog.text
    assert taken("2026-06-10T12:10:00.000000Z") == 2
    assert "ahead of our clock" in caplog.text


@pytest.mark.parametrize("incidents", [None, ..., []])
def test_a_page_without_incidents_tells_of_its_components(page: Page, tmp_path: Path, incidents: Any) -> None:
    page.answer = answers(document(incidents=incidents))
    assert [window.rows_claimed for window in poll(page, tmp_path / "spool")] == [3, 0]


def test_the_page_has_no_history_to_give(page: Page, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="only how things are now"):
        source(page).backfill(CHECKS, NOW, NOW, tmp_path)


def test_without_an_address_the_setting_is_named() -> None:
    with pytest.raises(UsageError, match="SKILLSMITH_STATUS_URL"):
        StatusPageSource(load_settings())


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-01:00"])
def test_a_time_that_no_calendar_has_stops_no_poll(page: Page, tmp_path: Path, moment: str) -> None:
    page.answer = answers(document(moment))
    with pytest.raises(SourceError, match="generated_at"):
        poll(page, tmp_path / "spool")
    incident = {"id": "i1", "title": "x", "impact": "minor", "status": "resolved", "started_at": moment}
    page.answer = answers(document(incidents=[incident | {"updates": [{"at": moment}]}]))
    [window] = list(source(page).windows(INCIDENTS, None, tmp_path / "spool"))
    assert window.rows_claimed == 1
