"""Raw rows go when their time has passed, and what was built from them stays as it was."""

import gzip
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.retention import expire, lengths, require_rows, runs
from ingest.simulator import simulate
from orchestration.cli import run
from orchestration.dbt_runner import day_facts, manifest_of, run_dbt
from orchestration.pipeline import build, import_sources, initialise
from orchestration.progress import Silence
from orchestration.refresh import refresh
from tests.conftest import postgres_takes_long
from tests.integration.published_numbers import COMPARED, Rows, assert_same_numbers, published_numbers
from warehouse import Warehouse, open_warehouse
from warehouse.errors import UsageError
from warehouse.settings import Settings, load_settings

AS_OF = datetime(2026, 7, 1, 6, tzinfo=UTC)
DAY = timedelta(days=1)
FIVE = "registry/events=5, registry/api_requests=5, registry/audit_logs=5"


def put(drop: Path, name: str, *rows: dict[str, Any]) -> None:
    path = drop / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def event(day: int, number: int = 0) -> dict[str, Any]:
    return {
        "event_id": f"e{day}-{number}",
        # The first of a day comes as it begins.
        "created_at": f"2026-06-{day:02d}T{'00' if number == 1 else '10'}:00:00Z",
        "event_type": "telemetry:skill_invoke",
        "actor": "someone",
    }


def fetch(warehouse: Warehouse, statement: str) -> list[dict[str, Any]]:
    with warehouse.write(None) as writer:
        return writer.fetch(statement)


def built(warehouse: Warehouse, as_of: datetime = AS_OF) -> None:
    """Say that a build has seen everything that is there."""
    with warehouse.write() as writer:
        row = {"build_id": f"b-{datetime.now(UTC).timestamp()}", "as_of": as_of, "started_at": datetime.now(UTC)}
        writer.append("ops.builds", [row | {"outcome": "published"}])


@pytest.fixture
def loaded(engine_settings: Settings, tmp_path: Path) -> Iterator[Warehouse]:
    """Two events on each of ten days, of which five days are kept."""
    drop = tmp_path / "drop"
    put(drop, "registry/events/june.ndjson", *(event(day, n) for day in range(21, 31) for n in (1, 2)))
    settings = engine_settings.model_copy(update={"drop": drop, "retention": FIVE})
    with open_warehouse(settings) as warehouse:
        import_sources(warehouse, as_of=AS_OF)
        yield warehouse


def test_rows_before_the_line_go_and_the_run_is_written_down(loaded: Warehouse) -> None:
    built(loaded)
    would = expire(loaded, now=AS_OF, dry_run=True)
    # 1 July less five days: the 26th is the first day that is kept.
    assert [(one.table, one.kept_from, one.rows, one.days) for one in would] == [
        ("raw.registry_events", date(2026, 6, 26), 10, 5)
    ]
    assert fetch(loaded, "select count(*) as n from raw.registry_events") == [{"n": 20}]
    assert expire(loaded, now=AS_OF) == would
    assert fetch(loaded, "select count(*) as n, min(event_id) as first from raw.registry_events") == [
        {"n": 10, "first": "e26-1"}
    ]
    with loaded.write() as writer:
        [logged] = runs(writer)
    assert (logged["table_name"], logged["keep_days"], logged["rows_removed"], logged["days_removed"]) == (
        "registry_events",
        5,
        10,
        5,
    )
    assert expire(loaded, now=AS_OF) == []


def test_rows_that_no_build_has_seen_wait(loaded: Warehouse) -> None:
    for _ in range(2):
        [waiting] = expire(loaded, now=AS_OF)
        assert waiting.waits_because == "it is not built yet: run `refresh` first"
        assert fetch(loaded, "select count(*) as n from raw.registry_events") == [{"n": 20}]
        # A build of history has not seen the days after its clock.
        built(loaded, as_of=datetime(2026, 6, 23, tzinfo=UTC))
    built(loaded)
    assert [one.waits_because is None for one in expire(loaded, now=AS_OF, dry_run=True)] == [True]
    # A later build of history has taken away the facts of the days after its clock.
    built(loaded, as_of=datetime(2026, 6, 23, tzinfo=UTC))
    assert [one.waits_because is None for one in expire(loaded, now=AS_OF, dry_run=True)] == [False]
    built(loaded)
    put(loaded.settings.drop_folder, "registry/events/late.ndjson", event(22, 9))
    import_sources(loaded, as_of=AS_OF)
    assert [one.waits_because is None for one in expire(loaded, now=AS_OF)] == [False]


def test_a_row_of_a_closed_day_does_not_come_back_and_the_ledger_says_so(loaded: Warehouse) -> None:
    built(loaded)
    expire(loaded, now=AS_OF)
    drop = loaded.settings.drop_folder
    shutil.copy(drop / "registry/events/june.ndjson", drop / "registry/events/again.ndjson")
    edges = ("2026-06-25T23:59:59.999999Z", "2026-06-26T00:00:00Z")
    put(drop, "registry/events/late.ndjson", *(event(n, 3) | {"created_at": at} for n, at in enumerate(edges, 25)))
    report = import_sources(loaded, as_of=AS_OF)
    loads = {load.file_name: load for load in report.loads}
    again, late = loads["registry/events/again.ndjson"], loads["registry/events/late.ndjson"]
    assert (again.rows_seen, again.rows_loaded, again.rows_merged) == (20, 0, 20)
    assert (late.rows_seen, late.rows_loaded, late.rows_merged) == (2, 1, 1)
    removed = {
        row["file_name"]: json.loads(row["removed"]).get("past retention")
        for row in fetch(loaded, "select file_name, removed from raw.import_ledger")
    }
    assert removed["registry/events/again.ndjson"] == 10
    assert removed["registry/events/late.ndjson"] == 1
    assert fetch(loaded, "select count(*) as n from raw.registry_events") == [{"n": 11}]


def test_a_clock_ahead_of_the_world_removes_nothing_more(loaded: Warehouse) -> None:
    built(loaded, as_of=datetime(2100, 1, 1, tzinfo=UTC))
    ahead = expire(loaded, now=datetime(2100, 1, 1, tzinfo=UTC), dry_run=True)
    today = expire(loaded, now=datetime.now(UTC), dry_run=True)
    assert [one.kept_from for one in ahead] == [one.kept_from for one in today]


def test_a_build_of_history_that_needs_what_is_gone_is_refused(loaded: Warehouse) -> None:
    built(loaded)
    expire(loaded, now=AS_OF)
    for day in (24, 25):
        with pytest.raises(
            UsageError,
            match=f"as of 2026-06-{day} cannot be built, .*: raw rows of days before 2026-06-26 have passed their "
            "retention; the earliest that can be built is as of 2026-06-26$",
        ):
            build(loaded, as_of=datetime(2026, 6, day, tzinfo=UTC))


def use(day: date) -> dict[str, Any]:
    """Somebody's successful use of a skill at noon of a day, in a session of its own."""
    return {
        "event_id": f"use-{day}",
        "created_at": f"{day}T12:00:00Z",
        "event_type": "telemetry:skill_invoke",
        "actor": "someone",
        "metadata": {"skill_name": "a/b", "session_id": "one", "success": True},
    }


def request(day: date) -> dict[str, Any]:
    return {
        "request_id": f"request-{day}",
        "started_at": f"{day}T12:00:00Z",
        "account_id": "a",
        "route": "search",
        "method": "GET",
        "status_code": 200,
        "duration_ms": 10,
    }


@pytest.mark.parametrize(
    ("entity", "first_day", "keep_days", "earliest"),
    [
        # On 1 July the days from 27 March on are kept, 96 of them; an earlier clock needs one more.
        ("registry/events", date(2026, 3, 1), 5, date(2026, 7, 1)),
        # Rows from 23 March on are there: 96 days before 27 June.
        ("registry/events", date(2026, 3, 1), 100, date(2026, 6, 27)),
        # Of the 90 days that sessions are kept, 2 April is the first; before it there was nothing that could be lost.
        pytest.param("registry/events", date(2026, 4, 2), 5, date(2026, 6, 26), marks=pytest.mark.long),
        # Budgets look back 30 days, to 1 June.
        ("registry/api_requests", date(2026, 5, 31), 5, date(2026, 7, 1)),
        pytest.param("registry/api_requests", date(2026, 6, 1), 5, date(2026, 6, 26), marks=pytest.mark.long),
    ],
)
@postgres_takes_long
def test_a_look_back_is_refused_as_far_as_its_windows_need_facts_that_are_not_kept(
    engine_settings: Settings, tmp_path: Path, entity: str, first_day: date, keep_days: int, earliest: date
) -> None:
    drop = tmp_path / "drop"
    row_of = use if entity == "registry/events" else request
    put(
        drop, f"{entity}/all.ndjson", *(row_of(first_day + n * DAY) for n in range((date(2026, 7, 1) - first_day).days))
    )
    settings = engine_settings.model_copy(update={"drop": drop, "retention": f"{entity}={keep_days}"})
    windows = {"int_session_skills": 90, "int_skill_breakdown_days": 96, "int_requests_by_minute": 30}

    def facts(as_of: datetime) -> dict[str, int]:
        """How many days of each window have anything."""
        with open_warehouse(settings) as warehouse:
            chosen = ["--select", *(f"+{name}" for name in windows), "--exclude-resource-type", "unit_test", "test"]
            run_dbt(warehouse, ["build", *chosen], as_of=as_of)
            built(warehouse, as_of)
            return {
                name: fetch(
                    warehouse,
                    f"select count(distinct day) as n from intermediate.{name} "
                    f"where day between '{as_of.date() - days * DAY}' and '{as_of.date() - DAY}'"
                    + (" and not is_day_mark" if name != "int_requests_by_minute" else ""),
                )[0]["n"]
                for name, days in windows.items()
            }

    def require(as_of: datetime) -> None:
        with open_warehouse(settings) as warehouse, warehouse.write() as writer:
            require_rows(writer, as_of, day_facts(manifest_of(warehouse)))

    with open_warehouse(settings) as warehouse:
        import_sources(warehouse, as_of=AS_OF)
    before = facts(AS_OF)
    with open_warehouse(settings) as warehouse:
        assert [one.kept_from for one in expire(warehouse, now=AS_OF)] == [date(2026, 7, 1) - keep_days * DAY]
    require(AS_OF)
    possible = datetime(earliest.year, earliest.month, earliest.day, 6, tzinfo=UTC)
    require(possible)
    with pytest.raises(UsageError, match=f"; the earliest that can be built is as of {earliest}$"):
        require(possible - DAY)
    # What the windows hold of an earlier clock: all of their days on which there was anything.
    days = (earliest - first_day).days
    is_of_events = entity == "registry/events"
    assert facts(possible) == {
        name: min(days, length) if is_of_events == (name != "int_requests_by_minute") else 0
        for name, length in windows.items()
    }
    assert facts(AS_OF) == before


def billed(number: int, kind: str, day: date, customer: str | None, **keys: Any) -> dict[str, Any]:
    """A Stripe event of noon of a day; `keys` are those of the object that it is about."""
    at = int(datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp())
    what = kind.split(".")[-2]
    about = {"object": what, "id": f"{what}_{customer}", "customer": customer, **keys}
    return {"id": f"evt_{number:02d}", "type": kind, "created": at, "data": {"object": about}}


def subscribed(number: int, customer: str, day: date, dollars: int, **keys: Any) -> dict[str, Any]:
    """A version of a customer's one subscription, of one seat at that many dollars a month."""
    recurring = {"interval": "month", "interval_count": 1}
    items = [{"quantity": 1, "price": {"unit_amount": 100 * dollars, "recurring": recurring}}]
    keys = {"status": "active"} | keys
    return billed(
        number,
        "customer.subscription.deleted" if keys["status"] == "canceled" else "customer.subscription.updated",
        day,
        customer,
        metadata={"account_id": customer, "tier": "team"},
        items={"data": items},
        **keys,
    )


def test_billing_goes_seven_years_after_a_customers_last_event_but_not_what_decides_a_months_revenue(
    engine_settings: Settings, tmp_path: Path
) -> None:
    drop = tmp_path / "drop"
    lasting = {"id": "lasting", "object": "coupon", "duration": "forever", "percent_off": 50}
    # 2557 days before 1 July 2026 is 1 July 2019.
    put(
        drop,
        "billing/stripe_events/one.ndjson",
        subscribed(1, "gone", date(2018, 1, 10), 100),
        billed(2, "invoice.paid", date(2018, 1, 10), "gone", discounts=[]),
        subscribed(3, "gone", date(2018, 3, 10), 150),
        subscribed(4, "gone", date(2018, 3, 20), 300, discounts=["lasting"]),
        billed(5, "invoice.paid", date(2018, 4, 10), "gone", discount=None),
        subscribed(6, "gone", date(2019, 6, 15), 300, status="canceled", discounts=["lasting"]),
        # Whoever has been heard of since keeps all.
        subscribed(7, "stays", date(2018, 2, 10), 200, discounts=["lasting"]),
        billed(8, "invoice.paid", date(2018, 2, 10), "stays"),
        subscribed(9, "stays", date(2019, 7, 1), 200, discounts=["di_1"]),
        # Nobody's, and what is known of the discounts above.
        billed(10, "coupon.created", date(2018, 1, 1), None, **lasting),
        billed(11, "customer.discount.created", date(2018, 1, 1), "gone", id="di_1", coupon=lasting),
        billed(12, "invoice.created", date(2018, 1, 1), None),
    )
    settings = engine_settings.model_copy(update={"drop": drop})

    def months() -> list[tuple[Any, ...]]:
        with open_warehouse(settings) as warehouse:
            chosen = ["--select", "+mrr_bridge", "--exclude-resource-type", "unit_test", "test"]
            run_dbt(warehouse, ["build", *chosen], as_of=AS_OF)
            built(warehouse)
            found = fetch(
                warehouse, "select account_id, month, movement, mrr_cents from build.mrr_by_account order by 1, 2"
            )
        return [tuple(row.values()) for row in found]

    with open_warehouse(settings) as warehouse:
        import_sources(warehouse, as_of=AS_OF)
    before = months()
    gone = {month: (movement, cents) for account, month, movement, cents in before if account == "gone"}
    # From January 2018 to May 2019 and the month of leaving; $100, then half of $300 from March on.
    assert len(gone) == 18
    assert gone[date(2018, 1, 1)] == ("new", 10_000)
    assert gone[date(2018, 3, 1)] == ("expansion", 15_000)
    assert gone[date(2019, 6, 1)] == ("churn", 0)
    # From February 2018 to June 2026, which is over: half of $200.
    stays = [cents for account, _, _, cents in before if account == "stays"]
    assert stays == [10_000] * 101
    with open_warehouse(settings) as warehouse:
        [expiry] = expire(warehouse, now=AS_OF)
        assert (expiry.table, expiry.kept_from, expiry.rows, expiry.days) == (
            "raw.billing_stripe_events",
            date(2019, 7, 1),
            3,
            3,
        )
        left = fetch(warehouse, "select id from raw.billing_stripe_events order by id")
        assert [int(row["id"][4:]) for row in left] == [1, 3, 4, 6, 7, 8, 9, 10, 11]
    assert months() == before
    # What went lands again, and goes again.
    put(drop, "billing/stripe_events/late.ndjson", billed(5, "invoice.paid", date(2018, 4, 10), "gone"))
    with open_warehouse(settings) as warehouse:
        import_sources(warehouse, as_of=AS_OF)
    assert months() == before
    with open_warehouse(settings) as warehouse:
        assert [one.rows for one in expire(warehouse, now=AS_OF)] == [1]


def kept(retention: str) -> dict[str, int]:
    return {contract.name: days for contract, days in lengths(load_settings(secret="x", retention=retention))}


def test_what_is_usual_and_what_the_settings_change() -> None:
    usual = {"registry/events": 400, "registry/api_requests": 400, "billing/stripe_events": 2557}
    assert kept("") == usual
    assert kept("registry/events=forever, registry/audit_logs=90, status/checks=forever") == {
        "registry/api_requests": 400,
        "registry/audit_logs": 90,
        "billing/stripe_events": 2557,
    }
    with pytest.raises(UsageError, match="registry/nothing is no entity"):
        kept("registry/nothing=5")
    # What is published of their past is made of their rows, whether these have a day or not.
    for entity in ("registry/accounts", "registry/skill_ratings", "status/checks", "status/maintenance"):
        with pytest.raises(
            UsageError,
            match=f"{entity} is kept for ever, .*; a length may be set for "
            "registry/events, registry/api_requests, registry/audit_logs, billing/stripe_events$",
        ):
            kept(f"{entity}=60")
    with pytest.raises(UsageError, match="SKILLSMITH_RETENTION"):
        kept("registry/events=soon")


@pytest.fixture
def command(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str, str]]:
    monkeypatch.setenv("SKILLSMITH_HOME", str(settings.home))
    monkeypatch.setenv("SKILLSMITH_RETENTION", "registry/events=1")
    drop = tmp_path / "drop"
    put(drop, "registry/events/june.ndjson", event(21), event(22))
    with open_warehouse(settings.model_copy(update={"drop": drop})) as warehouse:
        import_sources(warehouse, as_of=AS_OF)

    def call(*arguments: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = run(["retention", *arguments])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


def test_the_command_shows_asks_and_removes(
    command: Callable[..., tuple[int, str, str]], settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = command("--yes")
    assert code == 0
    assert "2 rows of 2 days of raw.registry_events" in out
    assert "not built yet" in out
    with open_warehouse(settings) as warehouse:
        built(warehouse, as_of=datetime.now(UTC) + timedelta(days=1))
        assert command("--dry-run")[0] == 0
        monkeypatch.setattr("click.confirm", lambda *_args, **_options: (_ for _ in ()).throw(KeyboardInterrupt))
        assert command()[0] == 130
        assert fetch(warehouse, "select count(*) as n from raw.registry_events") == [{"n": 2}]
        [went] = json.loads(command("--yes", "--json")[1])
        assert (went["table"], went["rows"]) == ("raw.registry_events", 2)
        assert fetch(warehouse, "select count(*) as n from raw.registry_events") == [{"n": 0}]
        assert "nothing has passed its time" in command("--dry-run")[1]


def audited_install(drop: Path, number: int) -> dict[str, Any]:
    """An install of 20 June that is in no event, by one of the drop's members."""
    [path, *_] = sorted((drop / "registry" / "team_members").iterdir())
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as lines:
        members = [json.loads(line) for line in lines]
    return {
        "id": f"a{number}",
        "timestamp": "2026-06-20T10:00:00Z",
        "event_type": "telemetry:skill_install",
        "actor": members[number % len(members)]["actor"],
        "resource": "noted/before",
        "result": "success",
    }


@pytest.mark.long
def test_published_numbers_stay_when_raw_rows_go_and_when_they_are_delivered_again(
    engine_settings: Settings, tmp_path: Path
) -> None:
    drop = tmp_path / "drop"
    simulate(drop, days=12, accounts=4, seed=7, events=1500, until=date(2026, 6, 30))
    put(drop, "registry/audit_logs/june.ndjson", *(audited_install(drop, n) for n in range(20)))
    settings = engine_settings.model_copy(update={"drop": drop, "home": tmp_path / "home", "retention": FIVE})

    def refreshed() -> dict[str, Rows]:
        refresh(settings, as_of=AS_OF, allow_older=False, progress=Silence())
        return published_numbers(settings, COMPARED)

    before = refreshed()
    assert any(row["skill_name"] == "noted/before" for row in before["team_installed_skills"].values())
    with open_warehouse(settings) as warehouse:
        went = {one.table: one for one in expire(warehouse, now=AS_OF)}
        assert (went.pop("raw.registry_audit_logs").rows, went.keys()) == (
            20,
            {"raw.registry_events", "raw.registry_api_requests"},
        )
        assert all(one.waits_because is None and one.days == 7 for one in went.values())
    assert_same_numbers(before, refreshed(), least=5_000)
    for entity in ("events", "api_requests"):
        folder = drop / "registry" / entity
        for path in list(folder.glob("2026-06-2*.ndjson.gz")):
            shutil.copy(path, folder / f"again-{path.name}")
    assert_same_numbers(before, refreshed(), least=5_000)
    with open_warehouse(settings) as warehouse:
        initialise(warehouse)
        assert fetch(warehouse, "select min(created_at) as first from raw.registry_events")[0]["first"] >= datetime(
            2026, 6, 26
        )


@pytest.mark.long
def test_a_late_entry_of_the_audit_log_leaves_a_day_alone_whose_events_are_gone(
    engine_settings: Settings, tmp_path: Path
) -> None:
    drop = tmp_path / "drop"
    simulate(drop, days=12, accounts=4, seed=7, events=1500, until=date(2026, 6, 30))
    put(drop, "registry/audit_logs/june.ndjson", audited_install(drop, 0))
    kept = "registry/events=5, registry/api_requests=5"
    settings = engine_settings.model_copy(update={"drop": drop, "home": tmp_path / "home", "retention": kept})

    def installs() -> list[dict[str, Any]]:
        with open_warehouse(settings) as warehouse:
            model = ["--select", "+int_skill_install_days", "--exclude-resource-type", "unit_test", "test"]
            run_dbt(warehouse, ["build", *model], as_of=AS_OF)
            built(warehouse)
            return fetch(
                warehouse,
                "select day, actor_key, skill_name_given, last_installed_at from intermediate.int_skill_install_days "
                "where day < '2026-06-26' and not is_day_mark order by 1, 2, 3",
            )

    with open_warehouse(settings) as warehouse:
        import_sources(warehouse, as_of=AS_OF)
    before = installs()
    assert len({row["skill_name_given"] for row in before if row["day"] == date(2026, 6, 20)}) > 1
    with open_warehouse(settings) as warehouse:
        expire(warehouse, now=AS_OF)
        put(drop, "registry/audit_logs/late.ndjson", audited_install(drop, 1))
        import_sources(warehouse, as_of=AS_OF)
        assert fetch(warehouse, "select count(*) as n from raw.registry_audit_logs") == [{"n": 2}]
    assert installs() == before
