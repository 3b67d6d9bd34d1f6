"""Recurring revenue from delivered Stripe events to the published numbers, on both engines.

Every amount below is worked by hand from the rule its account is named for; the clock is 10 June 2026.
"""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from ingest.contracts import CONTRACTS
from ingest.files import import_drop
from orchestration.dbt_runner import DbtRun, run_dbt
from tests.conftest import BUILT_ENGINES
from tests.integration.billing_world import Billing, item, seconds
from warehouse import Warehouse, open_warehouse
from warehouse.settings import load_settings

AS_OF = datetime(2026, 6, 10, 6, tzinfo=UTC)
SEATS = item(2500, 10)
FOREVER = {"object": "coupon", "id": "lasting", "duration": "forever", "percent_off": 20}


def _world() -> Billing:
    billing = Billing()
    add = billing.add
    # Half a cent goes to the even cent: 150 / 12 = 12.5 and 42 / 12 = 3.5; two halves make a whole one: 12.5 + 0.5.
    add("half_down", "2026-01-05", item(150, 1, "year"))
    add("half_up", "2026-01-05", item(42, 1, "year"))
    add("two_halves", "2026-01-05", item(150, 1, "year"), item(6, 1, "year"))
    # A third and a sixth are a half: 4/12 + 2/12 = 0.5 -> 0, and with one cent more 1.5 -> 2.
    add("thirds", "2026-01-05", item(4, 1, "year"), item(2, 1, "year"), item(1, 1))
    add("weekly", "2026-01-05", item(300, 1, "week"))
    add("daily", "2026-01-05", item(12, 1, "day"))
    add("every_three_months", "2026-01-05", item(7500, 2, "month", count=3))
    # 25,000 less 33.3% = 16,675; less 20% and then 500 = 19,500; 250,000 - 12,000 a year = 19,833.33.
    add("percent", "2026-01-05", SEATS, discounts=[{"id": "di_1", "coupon": FOREVER | {"percent_off": 33.3}}])
    add(
        "percent_then_amount",
        "2026-01-05",
        SEATS,
        discounts=[
            {"id": "di_2", "source": {"coupon": {"id": "off", "duration": "forever", "amount_off": 500}}},
            {"id": "di_3", "source": {"coupon": FOREVER}},
        ],
    )
    yearly = {"id": "yearly", "duration": "forever", "amount_off": 12000}
    add("amount_a_year", "2026-01-05", item(25000, 10, "year"), discounts=[{"id": "di_4", "coupon": yearly}])
    once = {"id": "once", "duration": "once", "percent_off": 50}
    add("once", "2026-01-05", SEATS, discount={"id": "di_5", "coupon": once})
    add("more_than_all", "2026-01-05", item(100), discounts=[{"id": "di_6", "coupon": yearly}])
    # A bare id is a coupon that was seen elsewhere; one that was never seen leaves the state before it.
    add("by_id", "2026-01-05", SEATS, discounts=["di_3"])
    add("unknown_id", "2026-01-05", SEATS)
    add("unknown_id", "2026-02-05", item(2500, 20), discounts=["di_never_seen"])
    # 100 x $69 x 1.2 = $8,280; the uplift is money, not seats; what is metered is neither.
    uplift = item(1380, 100, kind="sla_uplift")
    metered = item(7, 1, usage_type="metered")
    add("uplifted", "2026-01-05", item(6900, 100), uplift, metered, tier="enterprise")
    # An end at 00:00 of 1 February still counts for January, one a second before does not.
    february = seconds("2026-02-01")
    add("ends_at_midnight", "2026-01-05", SEATS)
    add("ends_at_midnight", "2026-02-03", SEATS, kind="deleted", status="canceled", ended_at=february)
    add("ends_before", "2026-01-05", SEATS)
    add("ends_before", "2026-01-31 23:59:59", SEATS, kind="deleted", status="canceled", ended_at=february - 1)
    add("cancelled", "2026-01-05", SEATS, cancel_at_period_end=True, current_period_end=seconds("2026-03-01"))
    on_item = SEATS | {"current_period_end": seconds("2026-02-28 23:59:59")}
    add("cancelled_on_item", "2026-01-05", on_item, cancel_at_period_end=True)
    # 90 days after 1 January end with March, whatever is retried meanwhile; being active again starts anew.
    add("unpaid", "2025-12-20", SEATS)
    add("unpaid", "2026-01-01", SEATS, status="past_due")
    add("unpaid", "2026-02-15", SEATS, status="unpaid")
    add("pays_again", "2025-12-20", SEATS)
    add("pays_again", "2026-01-01", SEATS, status="past_due")
    add("pays_again", "2026-02-15", SEATS)
    add("pays_again", "2026-03-15", SEATS, status="past_due")
    # A change at 00:00 of 1 February is February's.
    add("changes_at_midnight", "2026-01-05", SEATS)
    add("changes_at_midnight", "2026-02-01", item(2500, 11))
    # The highest tier counts; at equal times the greater id is the later event.
    add("two_plans", "2026-01-05", item(2500, 2), tier="team")
    add("two_plans", "2026-01-05", item(6900, 1), tier="enterprise", subscription="sub_second")
    add("same_second", "2026-01-05", item(2500, 1))
    add("same_second", "2026-01-05", item(2500, 2))
    for account, more in {
        "on_trial": {"status": "trialing"},
        "incomplete": {"status": "incomplete"},
        "expired": {"status": "incomplete_expired"},
        "paused": {"pause_collection": {"behavior": "void"}},
        "elsewhere": {"app": "another-product"},
        "ours": {},
    }.items():
        add(account, "2026-01-05", SEATS, **more)
    return billing


# MRR in cents at the end of January, February, March, April and May 2026.
EXPECTED = {
    "half_down": [12] * 5,
    "half_up": [4] * 5,
    "two_halves": [13] * 5,
    "thirds": [2] * 5,
    "weekly": [1300] * 5,
    "daily": [365] * 5,
    "every_three_months": [5000] * 5,
    "percent": [16675] * 5,
    "percent_then_amount": [19500] * 5,
    "amount_a_year": [19833] * 5,
    "once": [25000] * 5,
    "by_id": [20000] * 5,
    "unknown_id": [25000] * 5,
    "uplifted": [828000] * 5,
    "ends_at_midnight": [25000, 0, 0, 0, 0],
    "cancelled": [25000, 25000, 0, 0, 0],
    "cancelled_on_item": [25000, 0, 0, 0, 0],
    "unpaid": [25000, 25000, 25000, 0, 0],
    "pays_again": [25000] * 5,
    "changes_at_midnight": [25000, 27500, 27500, 27500, 27500],
    "two_plans": [11900] * 5,
    "same_second": [5000] * 5,
}


@pytest.fixture(scope="module", params=BUILT_ENGINES)
def warehouse(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A warehouse on each engine with the world's events, delivered twice and in the wrong order."""
    url = None
    if request.param == "postgres":
        server = request.getfixturevalue("postgres_server")
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute("drop database if exists revenue with (force)")
            connection.execute("create database revenue")
        url = server.replace("/postgres?", "/revenue?")
    folder = tmp_path_factory.mktemp("revenue")
    events = _world().events
    _deliver(folder / "drop/billing/stripe_events/b.ndjson", list(reversed(events)))
    _deliver(folder / "drop/billing/stripe_events/a.ndjson", events[::3])
    _deliver(folder / "drop/registry/accounts/a.ndjson", [{"account_id": "ours", "is_internal": True}])
    with open_warehouse(
        load_settings(home=folder / "home", secret="a key for tests only", warehouse_url=url)
    ) as opened:
        opened.initialise(contract.table for contract in CONTRACTS.values())
        import_drop(opened, folder / "drop", as_of=AS_OF)
        yield opened


@pytest.fixture(scope="module")
def built(warehouse: Warehouse) -> DbtRun:
    """Everything behind the revenue tables, with its data tests."""
    command = ["build", "--select", "+arr_plan", "--exclude", "test_type:unit"]
    return run_dbt(warehouse, command, as_of=AS_OF, run_started_at=AS_OF)


def _deliver(path: Path, rows: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _rows(warehouse: Warehouse, sql: str) -> list[dict[str, Any]]:
    with warehouse.write() as writer:
        return writer.fetch(sql)


def test_every_rule_of_the_revenue_state_gives_the_amount_worked_by_hand(warehouse: Warehouse, built: DbtRun) -> None:
    rows = _rows(
        warehouse,
        "select account_id, month, mrr_cents from build.mrr_by_account where month >= date '2026-01-01' order by month",
    )
    found: dict[str, dict[int, int]] = {}
    for row in rows:
        found.setdefault(row["account_id"], {})[row["month"].month] = row["mrr_cents"]
    assert {account: [found.get(account, {}).get(month, 0) for month in range(1, 6)] for account in found} == EXPECTED


def test_an_account_has_rows_until_one_month_after_its_last_payment(warehouse: Warehouse, built: DbtRun) -> None:
    rows = _rows(
        warehouse,
        "select month, movement, movement_cents from build.mrr_by_account where account_id = 'unpaid' order by month",
    )
    assert [(row["month"].month, row["movement"], row["movement_cents"]) for row in rows] == [
        (12, "new", 25000),
        (1, "none", 0),
        (2, "none", 0),
        (3, "none", 0),
        (4, "churn", -25000),
    ]


def test_an_uplift_counts_in_money_and_not_in_seats(warehouse: Warehouse, built: DbtRun) -> None:
    (row,) = _rows(
        warehouse,
        "select tier, seats, mrr_cents from build.mrr_by_account "
        "where account_id = 'uplifted' and month = date '2026-05-01'",
    )
    assert (row["tier"], row["seats"], row["mrr_cents"]) == ("enterprise", 100, 828_000)


def test_of_two_plans_the_higher_tier_names_the_account(warehouse: Warehouse, built: DbtRun) -> None:
    rows = _rows(warehouse, "select distinct tier, seats from build.mrr_by_account where account_id = 'two_plans'")
    assert [(row["tier"], row["seats"]) for row in rows] == [("enterprise", 3)]


def test_a_discount_nobody_explained_is_said_aloud(warehouse: Warehouse, built: DbtRun) -> None:
    by_name = {result.name: result for result in built.of_type("test")}
    assert by_name["assert_subscription_discounts_are_known"].status == "warn"
    rows = _rows(warehouse, "select looked_up from intermediate.int_subscription_discounts where not is_resolved")
    assert [row["looked_up"] for row in rows] == ["di_never_seen"]


def test_the_bridge_of_the_whole_world_closes_every_month(warehouse: Warehouse, built: DbtRun) -> None:
    by_name = {result.name: result.status for result in built.of_type("test")}
    assert by_name["assert_mrr_bridge_closes_to_the_cent"] == "pass"
    (row,) = _rows(
        warehouse,
        "select closing_cents, arr_cents, accounts from build.mrr_bridge "
        "where segment = 'total' and month = date '2026-05-01'",
    )
    total = sum(months[-1] for months in EXPECTED.values())
    assert (row["closing_cents"], row["arr_cents"]) == (total, 12 * total)
    assert row["accounts"] == sum(months[-1] > 0 for months in EXPECTED.values())
