"""Stripe read live, from a server that misbehaves, to the rows in either warehouse and the revenue made of them.

The account is small and every expected number is worked by hand. Times are UTC; the clock is 10 June 2026, 06:00,
unless a test says otherwise, so that the events which are read at first begin on 12 May, 06:00.
"""

import json
import logging
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingest.contracts import CONTRACTS
from ingest.files import import_drop
from ingest.live import cursor_of, import_live
from ingest.live.stripe import StripeSource
from ingest.live.window import Window
from orchestration.dbt_runner import run_dbt
from tests.integration.billing_world import seconds
from tests.integration.stripe_server import (
    KEY,
    Fault,
    Row,
    StripeServer,
    answers,
    answers_bytes,
    discount,
    ends_in_the_middle,
    event,
    invoice,
    price_item,
    resets_in_the_middle,
    serving,
    subscription,
)
from warehouse import Warehouse, open_warehouse
from warehouse.errors import SourceError, TransientError, UsageError
from warehouse.settings import Settings, load_settings

CONTRACT = CONTRACTS["billing/stripe_events"]
NOW = "2026-06-10 06:00:00"


@pytest.fixture
def account() -> Iterator[StripeServer]:
    with serving(StripeServer(NOW)) as server:
        yield server


@pytest.fixture
def read(account: StripeServer, settings: Settings, tmp_path: Path) -> "Reader":
    return Reader(account, settings, tmp_path / "spool")


@dataclass
class Reader:
    """Reads the account at a time, from a cursor, as the importer does."""

    account: StripeServer
    settings: Settings
    spool: Path

    def source(self, at: str | None = None, key: str = KEY, **options: Any) -> StripeSource:
        settings = self.settings.model_copy(
            update=load_settings(stripe_api_key=key, stripe_url=self.account.url, stripe_overlap_minutes=60).model_dump(
                include={"stripe_api_key", "stripe_url", "stripe_overlap_minutes"}
            )
        )
        moment = datetime.fromtimestamp(seconds(at) if at else self.account.now, UTC)
        ticks = iter(range(1_000_000))
        return StripeSource(
            settings,
            now=lambda: moment + timedelta(microseconds=next(ticks)),
            **{"first_wait": 0.01} | options,
        )

    def windows(self, cursor: str | None, at: str | None = None, **options: Any) -> Iterator[Window]:
        return self.source(at, **options).windows(CONTRACT, cursor, self.spool)

    def rows(self, cursor: str | None, at: str | None = None) -> list[Row]:
        return [row for window in self.windows(cursor, at) for row in rows_of(window)]


def rows_of(window: Window) -> list[Row]:
    return [json.loads(line) for line in window.path.read_text().splitlines()]


def ids(rows: list[Row]) -> list[str]:
    return sorted(row["id"] for row in rows)


def land(warehouse: Warehouse, windows: Iterator[Window], drop: Path, as_of: str = NOW) -> str | None:
    """Land windows as files of a drop folder; the cursor they reach."""
    folder = drop / "billing" / "stripe_events"
    folder.mkdir(parents=True, exist_ok=True)
    cursor = None
    for window in windows:
        shutil.move(window.path, folder / window.path.name)
        cursor = window.cursor_after or cursor
    report = import_drop(warehouse, drop, as_of=datetime.fromisoformat(as_of))
    assert not report.refused
    return cursor


def fetch(warehouse: Warehouse, statement: str) -> list[Row]:
    with warehouse.write() as writer:
        return writer.fetch(statement)


def changes(count: int, day: str = "2026-06-09", name: str = "a") -> list[Row]:
    """Events of one subscription, an hour apart."""
    whole = subscription(name, "2026-01-05", price_item(2500, 10))
    return [
        event(f"{name}{day[-2:]}{number:02d}", "customer.subscription.updated", f"{day} {number:02d}:00:00", whole)
        for number in range(count)
    ]


# --- events -----------------------------------------------------------------------------------------------


def test_events_since_the_cursor_are_read_to_the_last_page(read: Reader) -> None:
    read.account.events += changes(8)
    read.account.events.append(event("inv", "invoice.paid", "2026-06-09 03:30:00", invoice("a", "2026-06-09 03:00:00")))
    read.account.events.append(event("charge", "charge.succeeded", "2026-06-09 03:30:00", {"id": "ch_1"}))
    read.account.events.append(event("before", "invoice.paid", "2026-06-08 22:59:59", invoice("a", "2026-06-08")))

    windows = list(read.windows("2026-06-09T00:00:00Z"))

    # The cursor less an hour of overlap is 8 June 23:00; days are counted from there.
    assert [window.cursor_after for window in windows] == ["2026-06-09T23:00:00Z", "2026-06-10T06:00:00Z"]
    assert ids(rows_of(windows[0])) == [*(f"evt_a09{number:02d}" for number in range(8)), "evt_inv"]
    assert rows_of(windows[1]) == []
    assert [window.cursor_before for window in windows] == ["2026-06-09T00:00:00Z", "2026-06-09T23:00:00Z"]


def test_an_event_that_comes_late_is_found_in_the_overlap(read: Reader) -> None:
    read.account.events += changes(4)
    first = list(read.windows("2026-06-09T05:00:00Z", "2026-06-09 06:00:00"))
    read.account.events += [event("late", "invoice.paid", "2026-06-09 05:10:00", invoice("a", "2026-06-09"))]

    cursor = first[-1].cursor_after

    assert cursor == "2026-06-09T06:00:00Z"
    assert ids(read.rows(cursor, "2026-06-09 07:00:00")) == ["evt_late"]


def test_a_window_has_the_name_of_no_other_and_only_we_can_read_it(read: Reader) -> None:
    windows = [*read.windows("2026-06-09T05:00:00Z"), *read.windows("2026-06-09T05:00:00Z")]

    assert len({window.name for window in windows}) == len(windows) == 2
    assert all(window.name == f"live/billing/stripe_events/{window.path.stem}" for window in windows)
    assert [window.path.stat().st_mode & 0o777 for window in windows] == [0o600] * 2


@pytest.mark.parametrize(
    "fault",
    [
        answers(429, retry_after="0"),
        answers(500),
        answers(503),
        answers(409),
        answers_bytes(502, b"<html>Bad Gateway</html>"),
        answers_bytes(200, b'{"object": "list", "data": [], "has_more": true}'),
        answers_bytes(200, b'{"object": "list"}'),
        resets_in_the_middle,
        ends_in_the_middle,
    ],
)
def test_a_page_that_goes_wrong_once_is_read_again(read: Reader, fault: Fault) -> None:
    read.account.events += changes(8)
    read.account.faults.append(("starting_after=evt_a0905", fault))

    rows = read.rows("2026-06-09T00:00:00Z")

    assert not read.account.faults
    assert ids(rows) == [f"evt_a09{number:02d}" for number in range(8)]


def test_a_limited_rate_waits_as_long_as_stripe_says(read: Reader) -> None:
    read.account.events += changes(4)
    read.account.faults.append(("starting_after", answers(429, retry_after="1")))

    assert len(read.rows("2026-06-09T05:00:00Z", "2026-06-09 06:00:00")) == 0
    begun = time.monotonic()
    assert len(read.rows("2026-06-09T00:00:00Z")) == 4
    assert time.monotonic() - begun >= 1


@pytest.mark.parametrize("said", ["nan", "inf", "soon", "-5"])
def test_a_wait_that_is_none_is_our_own(read: Reader, said: str) -> None:
    read.account.events += changes(4)
    read.account.faults.append(("starting_after", answers(429, retry_after=said)))
    assert len(read.rows("2026-06-09T00:00:00Z")) == 4


def test_a_clock_that_runs_ahead_of_stripes_is_refused(read: Reader) -> None:
    ahead = f"{datetime.now(UTC) + timedelta(days=2):%Y-%m-%d %H:%M:%S}"
    with pytest.raises(SourceError, match=r"clock is 28\d\d minutes ahead of Stripe's"):
        list(read.windows(None, ahead))


def test_after_a_clock_that_ran_ahead_all_events_are_read_again(read: Reader, caplog: pytest.LogCaptureFixture) -> None:
    read.account.events += changes(4)
    # Read until two days later than it is.
    assert len(read.rows("2026-06-12T00:00:00Z", "2026-06-10 00:00:00")) == 4
    assert "by a clock that ran ahead" in caplog.text


def test_a_wait_of_hours_is_left_to_the_schedule(read: Reader) -> None:
    read.account.faults.append(("events", answers(429, retry_after="7200")))

    with pytest.raises(TransientError, match="wait 7200 s"):
        read.rows("2026-06-09T05:00:00Z")


@pytest.mark.parametrize(
    "fault",
    [
        answers(429),
        answers(500),
        answers_bytes(200, b'{"object": "list", "data": [], "has_more": true}'),
        resets_in_the_middle,
    ],
)
def test_a_page_that_stays_wrong_leaves_no_window_and_the_cursor_where_it_was(read: Reader, fault: Fault) -> None:
    for day in ("2026-06-06", "2026-06-07", "2026-06-08"):
        read.account.events += changes(8, day)
    read.account.faults += [("starting_after=evt_a0705", fault)] * 6

    with pytest.raises(TransientError, match="try again"):
        read.rows("2026-06-06T01:00:00Z")

    # The faults are used up: the same cursor gives everything.
    assert not read.account.faults
    assert ids(read.rows("2026-06-06T01:00:00Z")) == sorted(one["id"] for one in read.account.events)


def test_what_was_finished_before_a_failure_stays_and_the_rest_is_read_from_there(read: Reader) -> None:
    for day in ("2026-06-06", "2026-06-07", "2026-06-08"):
        read.account.events += changes(8, day)
    read.account.faults += [("starting_after=evt_a0705", answers(500))] * 6
    landed: list[Window] = []

    with pytest.raises(TransientError):
        landed.extend(read.windows("2026-06-06T01:00:00Z"))

    assert [window.cursor_after for window in landed] == ["2026-06-07T00:00:00Z"]
    assert [path.name for path in read.spool.iterdir()] == [landed[0].path.name]
    rest = read.rows(landed[-1].cursor_after)
    # From 6 June 23:00 on: nothing of the 6th is left, all of the 7th and 8th is.
    assert ids(rest) == sorted(one["id"] for one in read.account.events if "a06" not in one["id"])


def test_what_is_inserted_or_comes_twice_while_paging_is_there_once(
    read: Reader, warehouse: Warehouse, tmp_path: Path
) -> None:
    events = read.account.events
    events += changes(8)
    events.append(dict(events[5]))
    late = [
        event("newer", "invoice.paid", "2026-06-09 20:00:00", invoice("a", "2026-06-09")),
        event("between", "customer.subscription.updated", "2026-06-09 01:30:00", subscription("b", "2026-01-05")),
    ]
    read.account.hooks.append(("starting_after=evt_a0905", lambda: events.extend(late)))

    land(warehouse, read.windows("2026-06-09T00:00:00Z"), tmp_path / "drop")

    names = [row["id"] for row in fetch(warehouse, "select id from raw.billing_stripe_events order by id")]
    assert names == sorted([*(f"evt_a09{number:02d}" for number in range(8)), "evt_between", "evt_newer"])


def test_a_listing_that_turns_in_a_circle_is_given_up(read: Reader) -> None:
    page = json.dumps({"object": "list", "data": changes(3), "has_more": True}).encode()
    read.account.faults += [("events", answers_bytes(200, page))] * 3

    with pytest.raises(TransientError, match="again and again"):
        read.rows("2026-06-09T23:00:00Z")


def test_the_same_windows_twice_change_nothing(read: Reader, warehouse: Warehouse, tmp_path: Path) -> None:
    read.account.events += changes(8)
    read.account.subscriptions.append(subscription("a", "2026-01-05", price_item(2500, 10)))
    read.account.invoices += [invoice("a", "2026-02-05"), invoice("a2", "2026-06-08")]
    everything = "select id, type, created, api_version, data::text as data from raw.billing_stripe_events order by id"

    cursor = land(warehouse, read.windows(None), tmp_path / "drop")
    once = fetch(warehouse, everything)
    assert land(warehouse, read.windows(None), tmp_path / "drop") == cursor == "2026-06-10T06:00:00Z"
    again = fetch(warehouse, everything)
    land(warehouse, read.windows(cursor), tmp_path / "drop")

    assert once == again == fetch(warehouse, everything)
    assert ids(once) == [
        *("backfill_in_a_paid", "backfill_sub_a_created"),
        *(f"evt_a09{number:02d}" for number in range(8)),
    ]


def test_a_span_is_read_again_without_moving_the_cursor(read: Reader) -> None:
    for day in ("2026-06-06", "2026-06-07", "2026-06-08"):
        read.account.events += changes(8, day)
    span = datetime(2026, 6, 6, 4), datetime(2026, 6, 7, 2, tzinfo=UTC)

    windows = list(read.source().backfill(CONTRACT, *span, read.spool))

    assert ids([row for window in windows for row in rows_of(window)]) == [
        *("evt_a0604", "evt_a0605", "evt_a0606", "evt_a0607", "evt_a0700", "evt_a0701"),
    ]
    assert {window.cursor_after for window in windows} == {None}
    with pytest.raises(UsageError, match="go back to 2026-05-11T06:00:00Z at most"):
        list(read.source().backfill(CONTRACT, datetime(2026, 5, 11), span[1], read.spool))


def test_an_importer_that_is_stopped_goes_on_and_lands_everything_once(read: Reader, warehouse: Warehouse) -> None:
    for day in ("2026-05-30", "2026-06-07", "2026-06-09"):
        read.account.events += changes(8, day)
    read.account.subscriptions.append(subscription("a", "2026-01-05", price_item(2500, 10)))
    read.account.invoices.append(invoice("a", "2026-02-05"))
    as_of = datetime.fromisoformat(NOW)
    read.account.faults += [("/v1/invoices", answers(500))] * 6

    with pytest.raises(TransientError):
        import_live(warehouse, read.source(), as_of=as_of)
    assert cursor_of(warehouse, CONTRACT) == "2026-06-10T06:00:00Z invoices"
    report = import_live(warehouse, read.source(), as_of=as_of)

    assert cursor_of(warehouse, CONTRACT) == "2026-06-10T06:00:00Z"
    assert not report.refused
    assert ids(fetch(warehouse, "select id from raw.billing_stripe_events")) == [
        *("backfill_in_a_paid", "backfill_sub_a_created"),
        *sorted(one["id"] for one in read.account.events),
    ]


# --- refusals ---------------------------------------------------------------------------------------------


def test_a_refused_key_is_said_without_the_key(read: Reader, caplog: pytest.LogCaptureFixture) -> None:
    wrong = "sk_live_51" + "Zz9" * 8
    caplog.set_level(logging.DEBUG)

    with pytest.raises(SourceError, match="check STRIPE_API_KEY") as refused:
        list(read.windows(None, key=wrong))

    assert len(read.account.asked) == 1
    assert wrong not in str(refused.value) + caplog.text
    assert refused.value.__suppress_context__
    assert not list(read.spool.iterdir())


@pytest.mark.parametrize("key", [KEY, "a-stand-in-has-keys-of-its-own"])
def test_an_error_that_repeats_the_key_is_shown_without_it(read: Reader, key: str) -> None:
    body = json.dumps({"error": {"type": "invalid_request_error", "message": f"you sent {key} to me@example.com"}})
    read.account.faults.append(("events", answers_bytes(400, body.encode())))

    with pytest.raises(SourceError, match="answered 400 for /v1/events: you sent") as refused:
        list(read.windows("2026-06-09T23:00:00Z", key=key))

    assert key not in str(refused.value)
    assert "example.com" not in str(refused.value)


def test_a_right_that_the_key_lacks_is_named(read: Reader) -> None:
    read.account.faults.append(("invoices", answers(403)))

    with pytest.raises(SourceError, match="may not read /v1/invoices"):
        read.rows(None)


def test_a_redirect_is_not_followed_with_the_key(read: Reader) -> None:
    with serving(StripeServer(NOW)) as elsewhere:
        read.account.faults += [("events", answers(302, location=f"{elsewhere.url}/v1/events"))] * 6
        with pytest.raises(SourceError, match="redirect"):
            read.rows("2026-06-09T23:00:00Z")
        assert elsewhere.asked == []


def test_nothing_of_this_machine_is_told_to_stripe(read: Reader) -> None:
    read.account.faults.append(("events", answers(500, request_id="req_1")))
    read.rows("2026-06-09T23:00:00Z")

    sent = " ".join(f"{name} {value}" for headers in read.account.headers for name, value in headers.items())
    assert "Telemetry" not in sent
    assert "telemetry_id" not in sent
    assert "Linux" not in sent


def test_a_server_that_is_not_there_passes_by_itself(read: Reader) -> None:
    settings = load_settings(stripe_api_key=KEY, stripe_url="http://127.0.0.1:9")

    with pytest.raises(TransientError, match="could not be reached"):
        list(StripeSource(settings, first_wait=0.01).windows(CONTRACT, "2026-06-09T23:00:00Z", read.spool))


@pytest.mark.parametrize(
    "cursor", ["yesterday", "2026-06-10T06:00:00Z refunds", "2026-06-10T06:00:00Z invoices before"]
)
def test_a_cursor_that_is_none_is_refused(read: Reader, cursor: str) -> None:
    with pytest.raises(UsageError, match="is no cursor"):
        read.rows(cursor)


def test_the_key_may_come_under_stripes_own_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STRIPE_API_KEY", raising=False)
    with pytest.raises(UsageError, match="set STRIPE_API_KEY"):
        StripeSource(load_settings())
    monkeypatch.setenv("STRIPE_API_KEY", "rk_test_plain")
    monkeypatch.setenv("SKILLSMITH_STRIPE_API_KEY", "")
    given = load_settings().stripe_api_key
    assert given is not None
    assert given.get_secret_value() == "rk_test_plain"
    assert "rk_test_plain" not in repr(load_settings())
    monkeypatch.setenv("SKILLSMITH_STRIPE_API_KEY", "rk_test_ours")
    ours = load_settings().stripe_api_key
    assert ours is not None
    assert ours.get_secret_value() == "rk_test_ours"


# --- backfill ---------------------------------------------------------------------------------------------


def told(rows: list[Row]) -> list[tuple[str, str, str, str | None]]:
    """Id, type, time and status of what a backfill made, by time."""
    return [
        (row["id"], row["type"], f"{datetime.fromtimestamp(row['created'], UTC):%Y-%m-%d}", status)
        for row in sorted(rows, key=lambda row: (row["created"], row["id"]))
        if row["id"].startswith("backfill_")
        for status in [row["data"]["object"].get("status")]
    ]


def day(text: str) -> int:
    return seconds(text)


CREATED, UPDATED, DELETED = (f"customer.subscription.{kind}" for kind in ("created", "updated", "deleted"))


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, [("created", CREATED, "2026-01-05", "active")]),
        ({"status": "trialing"}, [("created", CREATED, "2026-01-05", "trialing")]),
        ({"status": "incomplete_expired"}, [("created", CREATED, "2026-01-05", "incomplete_expired")]),
        (
            {"trial_start": day("2026-01-05"), "trial_end": day("2026-01-19")},
            [
                ("created", CREATED, "2026-01-05", "trialing"),
                (f"active_{day('2026-01-19')}", UPDATED, "2026-01-19", "active"),
            ],
        ),
        (
            {"trial_start": day("2026-02-01"), "trial_end": day("2026-02-15")},
            [
                ("created", CREATED, "2026-01-05", "active"),
                (f"trialing_{day('2026-02-01')}", UPDATED, "2026-02-01", "trialing"),
                (f"active_{day('2026-02-15')}", UPDATED, "2026-02-15", "active"),
            ],
        ),
        (
            {"status": "canceled", "ended_at": day("2026-04-15"), "canceled_at": day("2026-04-01")},
            [
                ("created", CREATED, "2026-01-05", "active"),
                (f"canceled_{day('2026-04-15')}", DELETED, "2026-04-15", "canceled"),
            ],
        ),
        (
            {
                "status": "canceled",
                "ended_at": day("2026-01-10"),
                "trial_start": day("2026-01-05"),
                "trial_end": day("2026-01-19"),
            },
            [
                ("created", CREATED, "2026-01-05", "trialing"),
                (f"canceled_{day('2026-01-10')}", DELETED, "2026-01-10", "canceled"),
            ],
        ),
        (
            {"cancel_at_period_end": True, "canceled_at": day("2026-03-10")},
            [
                ("created", CREATED, "2026-01-05", "active"),
                (f"active_{day('2026-03-10')}", UPDATED, "2026-03-10", "active"),
            ],
        ),
        (
            {"status": "past_due"},
            [
                ("created", CREATED, "2026-01-05", "active"),
                (f"past_due_{day('2026-05-05')}", UPDATED, "2026-05-05", "past_due"),
            ],
        ),
        (
            {"status": "paused", "trial_start": day("2026-01-05"), "trial_end": day("2026-01-19")},
            [
                ("created", CREATED, "2026-01-05", "trialing"),
                (f"paused_{day('2026-01-19')}", UPDATED, "2026-01-19", "paused"),
            ],
        ),
    ],
)
@pytest.mark.parametrize("is_old_shape", [False, True])
def test_a_subscription_tells_its_states_by_its_own_times(
    read: Reader, is_old_shape: bool, changed: Row, expected: list[tuple[str, str, str, str]]
) -> None:
    read.account.subscriptions.append(
        subscription(
            "a",
            "2026-01-05",
            price_item(2500, 10),
            is_old_shape=is_old_shape,
            period=("2026-05-05", "2026-06-05"),
            **changed,
        )
    )

    assert told(read.rows(None)) == [(f"backfill_sub_a_{name}", *rest) for name, *rest in expected]


@pytest.mark.parametrize("is_old_shape", [False, True])
def test_an_overdue_subscription_is_so_since_the_first_invoice_nobody_paid(read: Reader, is_old_shape: bool) -> None:
    overdue = {"status": "past_due", "period": ("2026-05-05", "2026-06-05")}
    read.account.subscriptions.append(subscription("a", "2026-01-05", price_item(2500), **overdue))
    for month, status in enumerate(("open", "paid", "void", "open", "open"), start=1):
        made = invoice("a", f"2026-{month:02d}-05", status, is_old_shape=is_old_shape)
        read.account.invoices.append(made | {"id": f"in_{month}"})
    read.account.invoices.append(invoice("other", "2026-02-05", "open", is_old_shape=is_old_shape))

    made = [row for row in told(read.rows(None)) if "_sub_" in row[0]]

    # January's is older than what was paid; March's was taken back: since April, made out a minute past midnight.
    assert made == [
        ("backfill_sub_a_created", CREATED, "2026-01-05", "active"),
        (f"backfill_sub_a_past_due_{day('2026-04-05') + 60}", UPDATED, "2026-04-05", "past_due"),
    ]


@pytest.mark.parametrize("is_old_shape", [False, True])
def test_an_invoice_becomes_the_event_of_its_last_change(read: Reader, is_old_shape: bool) -> None:
    for number, status in enumerate(("draft", "open", "paid", "void"), start=1):
        read.account.invoices.append(invoice(status, f"2026-02-0{number}", status, is_old_shape=is_old_shape))

    assert told(read.rows(None)) == [
        ("backfill_in_draft_draft", "invoice.created", "2026-02-01", "draft"),
        ("backfill_in_open_open", "invoice.finalized", "2026-02-02", "open"),
        ("backfill_in_paid_paid", "invoice.paid", "2026-02-03", "paid"),
        ("backfill_in_void_void", "invoice.voided", "2026-02-04", "void"),
    ]


def test_what_real_events_tell_is_not_made_a_second_time(read: Reader) -> None:
    new = subscription("new", "2026-06-01", price_item(2500))
    gone = subscription("gone", "2026-01-05", price_item(2500), status="canceled", ended_at=seconds("2026-06-01"))
    paid = invoice("new", "2026-06-01")
    # Finalised a minute before the events that are read begin (12 May 06:00), told a minute after it.
    edge = invoice("edge", "2026-05-12 05:58:00")
    read.account.subscriptions += [new, gone]
    read.account.invoices += [paid, edge, invoice("old", "2026-02-01")]
    read.account.events += [
        event("new", CREATED, "2026-06-01", new),
        event("gone", DELETED, "2026-06-01 00:00:05", gone),
        event("paid", "invoice.paid", "2026-06-01 00:01:01", paid),
        event("edge", "invoice.paid", "2026-05-12 06:00:01", edge),
    ]

    rows = read.rows(None)

    assert told(rows) == [
        ("backfill_sub_gone_created", CREATED, "2026-01-05", "active"),
        ("backfill_in_old_paid", "invoice.paid", "2026-02-01", "paid"),
    ]
    assert {row["id"] for row in rows if row["id"].startswith("evt_")} == {
        f"evt_{name}" for name in ("new", "gone", "paid", "edge")
    }


def test_before_its_first_event_a_subscription_is_what_that_event_says_it_was(read: Reader) -> None:
    now = subscription("a", "2026-01-05", price_item(2500, 20))
    read.account.subscriptions.append(now | {"items": now["items"] | {"data": [price_item(9900, 99)]}})
    middle = subscription("a", "2026-01-05", price_item(2500, 15))
    read.account.events += [
        event(
            "1", UPDATED, "2026-05-20", middle, {"items": {"data": [price_item(2500, 10)]}, "metadata": {"tier": None}}
        ),
        event("2", UPDATED, "2026-06-02", now, {"items": {"data": [price_item(2500, 15)]}}),
    ]

    [made] = [row for row in read.rows(None) if row["id"] == "backfill_sub_a_created"]

    assert [item["quantity"] for item in made["data"]["object"]["items"]["data"]] == [10]
    assert made["data"]["object"]["metadata"] == {"account_id": "a", "tier": None}
    assert made["api_version"] == "2025-03-31.basil"


def test_a_change_while_the_objects_are_listed_keeps_the_price_before_it(read: Reader) -> None:
    whole = subscription("a", "2026-01-05", price_item(2500, 10))
    read.account.subscriptions.append(whole)
    read.account.now = seconds(NOW)

    def change() -> None:
        old = dict(whole)
        whole["items"] = subscription("a", "2026-01-05", price_item(2500, 20))["items"]
        told = event("1", UPDATED, NOW, whole, {"items": {"data": old["items"]["data"]}})
        read.account.events.append(told)

    read.account.hooks.append(("/v1/subscriptions", change))
    source = read.source()
    clock = iter([seconds(NOW), *[seconds(NOW) + 30] * 10_000])
    source._now = lambda: datetime.fromtimestamp(next(clock), UTC)

    rows = [row for window in source.windows(CONTRACT, None, read.spool) for row in rows_of(window)]

    [made] = [row for row in rows if row["id"] == "backfill_sub_a_created"]
    assert [item["quantity"] for item in made["data"]["object"]["items"]["data"]] == [10]


def test_items_beyond_the_first_page_of_a_subscription_are_fetched(read: Reader) -> None:
    whole = subscription("a", "2026-01-05", price_item(2500, 1))
    whole["items"]["has_more"] = True
    read.account.subscriptions.append(whole)
    read.account.lists["/v1/subscription_items"] = [
        price_item(100, number) | {"id": f"si_{number}", "subscription": "sub_a"} for number in range(1, 6)
    ]

    [made] = read.rows(None)

    assert sorted(item["quantity"] for item in made["data"]["object"]["items"]["data"]) == [1, 2, 3, 4, 5]


def test_an_object_deleted_while_paging_does_not_cut_the_list(read: Reader) -> None:
    names = [f"{number:02d}" for number in range(1, 10)]
    read.account.invoices += [invoice(name, f"2026-02-{name}", "draft") for name in names]

    def delete() -> None:
        read.account.invoices[:] = [one for one in read.account.invoices if one["id"] != "in_04"]

    read.account.hooks.append(("starting_after=in_04", delete))

    assert sorted({row["id"] for row in read.rows(None)}) == [f"backfill_in_{name}_draft" for name in names]


def test_a_stub_of_what_was_deleted_is_a_deletion(read: Reader) -> None:
    read.account.events.append(event("gone", "invoice.deleted", "2026-06-09", invoice("a", "2026-06-08", "draft")))
    page = {"object": "list", "has_more": False, "data": [{"id": "in_x", "object": "invoice", "deleted": True}]}
    read.account.faults.append(("invoices", answers_bytes(200, json.dumps(page).encode())))

    rows = read.rows(None)

    # Its time is unknown; a deletion seen on 10 June is not older than the events that are read.
    assert ids(rows) == ["evt_gone"]


def test_a_killed_backfill_goes_on_where_its_windows_ended(
    read: Reader, monkeypatch: pytest.MonkeyPatch, warehouse: Warehouse, tmp_path: Path
) -> None:
    monkeypatch.setattr("ingest.live.stripe._OBJECTS_A_WINDOW", 3)
    read.account.subscriptions.append(subscription("a", "2026-01-05", price_item(2500, 10)))
    # The first window of them ends between two of one second.
    days = (1, 2, 3, 5, 5, 6, 7)
    read.account.invoices += [invoice(f"{n:02d}", f"2026-02-{day:02d}") for n, day in enumerate(days, 1)]
    read.account.events += changes(2)
    cursors: list[str | None] = []
    for _ in range(40):
        cursor = next((one for one in reversed(cursors) if one), None)
        if cursor == "2026-06-10T06:00:00Z":
            break
        for window in read.windows(cursor):
            shutil.copy(window.path, (tmp_path / "kept").with_suffix(f".{window.path.name}"))
            cursors.append(window.cursor_after)
            # Killed behind each window that moved the cursor.
            if window.cursor_after:
                break
    folder = tmp_path / "drop" / "billing" / "stripe_events"
    folder.mkdir(parents=True)
    for path in tmp_path.glob("kept.*"):
        shutil.move(path, folder / path.name.removeprefix("kept."))
    import_drop(warehouse, tmp_path / "drop", as_of=datetime.fromisoformat(NOW))

    assert "2026-06-10T06:00:00Z invoices before 2026-02-05T00:00:00Z" in cursors
    assert ids(fetch(warehouse, "select id from raw.billing_stripe_events")) == [
        *(f"backfill_in_{number:02d}_paid" for number in range(1, 8)),
        "backfill_sub_a_created",
        *("evt_a0900", "evt_a0901"),
    ]


def test_after_more_than_thirty_days_the_objects_say_what_was_missed(
    read: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    same = subscription("same", "2026-01-05", price_item(2500, 20))
    gone = subscription("gone", "2026-01-05", price_item(2500), status="canceled", ended_at=seconds("2026-04-20"))
    long_gone = subscription("long", "2026-01-05", price_item(2500), status="canceled", ended_at=seconds("2026-02-20"))
    new = subscription("new", "2026-04-10", price_item(2500))
    read.account.subscriptions += [same, gone, long_gone, new]
    read.account.invoices += [invoice("before", "2026-02-01"), invoice("missed", "2026-04-01")]

    windows = list(read.windows("2026-03-15T00:00:00Z"))

    since = seconds("2026-03-15")
    assert told([row for window in windows for row in rows_of(window)]) == [
        (f"backfill_sub_gone_active_{since}", UPDATED, "2026-03-15", "active"),
        (f"backfill_sub_same_active_{since}", UPDATED, "2026-03-15", "active"),
        ("backfill_in_missed_paid", "invoice.paid", "2026-04-01", "paid"),
        ("backfill_sub_new_created", CREATED, "2026-04-10", "active"),
        (f"backfill_sub_gone_canceled_{seconds('2026-04-20')}", DELETED, "2026-04-20", "canceled"),
    ]
    assert windows[-1].cursor_after == "2026-06-10T06:00:00Z"
    assert "last read at 2026-03-15" in caplog.text


def test_discounts_that_events_only_name_are_looked_up_once(read: Reader) -> None:
    lasting = discount("lasting", duration="forever", percent_off=20)
    whole = subscription("a", "2026-06-01", price_item(2500, 10), discounts=[lasting])
    read.account.subscriptions.append(whole)
    read.account.lists["/v1/coupons"].append(lasting["source"]["coupon"])
    by_coupon = subscription("b", "2026-06-01", price_item(2500))
    by_coupon["discount"] = {"id": "di_b", "object": "discount", "coupon": "coupon_lasting"}
    read.account.events += [
        event("1", CREATED, "2026-06-09 01:00:00", whole),
        event("2", UPDATED, "2026-06-09 02:00:00", whole),
        event("3", CREATED, "2026-06-09 03:00:00", by_coupon),
        event("4", CREATED, "2026-06-09 04:00:00", subscription("deleted", "2026-06-01", discounts=["di_gone"])),
    ]

    rows = [row for row in read.rows("2026-06-09T00:00:00Z") if not row["id"].startswith("evt_")]

    assert [(row["id"], row["type"], row["data"]["object"]["object"]) for row in rows] == [
        ("backfill_di_lasting", "customer.discount.created", "discount"),
        ("backfill_coupon_lasting", "coupon.created", "coupon"),
    ]
    assert sum(path.startswith("/v1/subscriptions/sub_a") for path in read.account.asked) == 1


def test_what_stripe_says_of_people_does_not_land(read: Reader, warehouse: Warehouse, tmp_path: Path) -> None:
    paid = invoice("a", "2026-06-09", customer_name="Ada Lovelace", number="INV-1")
    read.account.events.append(
        event("1", "invoice.paid", "2026-06-09 01:00:00", paid, request={"id": "req_1", "idempotency_key": "ada-key"})
    )
    read.account.invoices.append(invoice("b", "2026-02-01", customer_name="Ada Lovelace"))

    land(warehouse, read.windows(None), tmp_path / "drop")

    rows = fetch(warehouse, "select id, data::text as data, extra::text as extra from raw.billing_stripe_events")
    assert ids(rows) == ["backfill_in_b_paid", "evt_1"]
    kept = json.dumps(rows)
    for word in ("Ada", "example", "ada-key", "cus_QXg"):
        assert word not in kept.replace("cus_QXg1o8vcGmoR32", "") or word == "cus_QXg"


# --- revenue ----------------------------------------------------------------------------------------------


def _world(account: StripeServer) -> None:
    """What the account's objects are on 10 June 2026, and the events since 11 May that tell how they came to be so."""
    seats = price_item(2500, 10)
    yearly = price_item(300_000, 1, "year")
    lasting = discount("lasting", duration="forever", percent_off=20)
    add, say = account.subscriptions.append, account.events.append

    add(subscription("steady", "2026-01-05", seats))
    add(subscription("old_shape", "2026-02-10", price_item(25_000, 10, "year"), is_old_shape=True))
    trial = {"trial_start": seconds("2026-01-20"), "trial_end": seconds("2026-02-03")}
    add(subscription("trial", "2026-01-20", price_item(2500), **trial))
    add(subscription("left", "2026-01-05", seats, status="canceled", ended_at=seconds("2026-04-15")))
    add(subscription("left_in_trial", "2026-01-20", seats, status="canceled", ended_at=seconds("2026-02-01"), **trial))
    add(subscription("never_paid", "2026-01-05", seats, status="incomplete_expired"))
    year = ("2026-01-05", "2027-01-05")
    leaving = {"cancel_at_period_end": True, "canceled_at": seconds("2026-04-20")}
    add(subscription("leaving", "2026-01-05", yearly, period=year, **leaving))
    add(subscription("owing", "2026-01-05", seats, period=("2026-05-05", "2026-06-05"), status="past_due"))
    # 90 days from 5 February end on 6 May.
    add(subscription("owing_long", "2025-02-05", yearly, period=("2026-02-05", "2027-02-05"), status="unpaid"))
    paused = {"pause_collection": {"behavior": "void", "resumes_at": None}}
    add(subscription("paused", "2026-01-05", seats, period=("2026-05-05", "2026-06-05"), **paused))
    foreign = {"metadata": {"account_id": "foreign", "tier": "team", "app": "another-product"}}
    add(subscription("foreign", "2026-01-05", seats, **foreign))
    add(subscription("reduced", "2026-01-05", seats, discounts=[lasting]))
    # It had 10 seats until 10 March; no object remembers that.
    add(subscription("grew_long_ago", "2026-01-05", price_item(2500, 20)))

    grown = subscription("grew", "2026-01-05", price_item(2500, 20))
    add(grown)
    say(event("grew", UPDATED, "2026-05-20", grown, {"items": {"data": [seats]}, "quantity": 10}))
    new = subscription("new", "2026-05-20", seats, discounts=[discount("new", duration="forever", percent_off=20)])
    add(new)
    say(event("new", CREATED, "2026-05-20", new))
    gone = subscription("gone", "2026-01-05", seats, status="canceled", ended_at=seconds("2026-05-25"))
    add(gone)
    say(event("gone", DELETED, "2026-05-25", gone))
    for month in range(1, 7):
        account.invoices.append(invoice(f"steady{month}", f"2026-{month:02d}-05", is_old_shape=month < 4))
    say(event("paid", "invoice.paid", "2026-06-05 00:01:02", account.invoices[-1]))


def _later(account: StripeServer) -> None:
    """On 11 June one more grows, one that was backfilled leaves, one pays again; it is 12 June."""
    account.now = seconds("2026-06-12 06:00:00")
    by_name = {one["id"]: one for one in account.subscriptions}
    steady = by_name["sub_steady"]
    old = {"items": {"data": steady["items"]["data"]}}
    steady["items"] = subscription("steady", "2026-01-05", price_item(2500, 20))["items"]
    account.events.append(event("steady", UPDATED, "2026-06-11", steady, old))
    trial = by_name["sub_trial"]
    trial |= {"status": "canceled", "ended_at": seconds("2026-06-11")}
    account.events.append(event("trial", DELETED, "2026-06-11", trial))
    owing = by_name["sub_owing"]
    owing |= {"status": "active"}
    account.events.append(event("owing", UPDATED, "2026-06-11", owing, {"status": "past_due"}))


# MRR in cents at the end of January to June 2026. 250,000 / 12 = 20,833.33.
EXPECTED = {
    "steady": [25_000, 25_000, 25_000, 25_000, 25_000, 50_000],
    "old_shape": [0, 20_833, 20_833, 20_833, 20_833, 20_833],
    "trial": [0, 2_500, 2_500, 2_500, 2_500, 0],
    "left": [25_000, 25_000, 25_000, 0, 0, 0],
    "leaving": [25_000] * 6,
    "owing": [25_000] * 6,
    "owing_long": [25_000, 25_000, 25_000, 25_000, 0, 0],
    "paused": [25_000, 25_000, 25_000, 25_000, 0, 0],
    "reduced": [20_000] * 6,
    "grew_long_ago": [50_000] * 6,
    "grew": [25_000, 25_000, 25_000, 25_000, 50_000, 50_000],
    "new": [0, 0, 0, 0, 20_000, 20_000],
    "gone": [25_000, 25_000, 25_000, 25_000, 0, 0],
}


@pytest.fixture(params=["duckdb", "postgres"])
def billed(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Warehouse]:
    """A warehouse on each engine, empty, with every raw table."""
    url = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("drop database if exists live_revenue with (force)")
            connection.execute("create database live_revenue")
        url = server.replace("/postgres?", "/live_revenue?")
    settings = load_settings(home=tmp_path / "home", secret="a key for tests only", warehouse_url=url)
    with open_warehouse(settings) as opened:
        opened.initialise(contract.table for contract in CONTRACTS.values())
        yield opened


@pytest.mark.long
def test_revenue_from_a_backfill_and_what_follows_is_that_of_the_real_events(
    billed: Warehouse, read: Reader, tmp_path: Path
) -> None:
    _world(read.account)
    cursor = land(billed, read.windows(None), tmp_path / "drop")
    _later(read.account)
    land(billed, read.windows(cursor), tmp_path / "drop", "2026-06-12 06:00:00")
    as_of = datetime(2026, 7, 2, 6, tzinfo=UTC)

    command = ["build", "--select", "+mrr_by_account", "--exclude", "resource_type:test", "resource_type:unit_test"]
    run_dbt(billed, command, as_of=as_of, run_started_at=as_of)

    rows = fetch(
        billed,
        "select account_id, month, mrr_cents from build.mrr_by_account "
        "where month between date '2026-01-01' and date '2026-06-01' order by month",
    )
    found: dict[str, list[int]] = {}
    for row in rows:
        found.setdefault(row["account_id"], [0] * 6)[row["month"].month - 1] = row["mrr_cents"]
    assert found == EXPECTED
    paid = fetch(billed, "select id from raw.billing_stripe_events where type = 'invoice.paid'")
    assert ids(paid) == [*(f"backfill_in_steady{month}_paid" for month in range(1, 6)), "evt_paid"]
