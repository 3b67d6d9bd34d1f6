"""The folder itself: the same bytes for the same arguments, whole or not there, and dirty in the ways that matter."""

import hashlib
import json
from collections import Counter
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from ingest.simulator import simulate
from ingest.simulator.world import CAST
from tests.unit.ingest.simulator import recount
from warehouse.errors import UsageError

SMALL: dict[str, Any] = {"days": 12, "accounts": 8, "seed": 3, "events": 3_000, "until": date(2026, 5, 12)}


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("simulated") / "drop"
    simulate(out, **SMALL)
    return out


def fingerprints(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_same_arguments_give_the_same_bytes(drop: Path, tmp_path: Path) -> None:
    simulate(tmp_path / "again", **SMALL)

    assert fingerprints(tmp_path / "again") == fingerprints(drop)


def test_another_seed_gives_another_company(drop: Path, tmp_path: Path) -> None:
    simulate(tmp_path / "other", **SMALL | {"seed": 4})

    mine, other = recount.read(drop, "registry/accounts")[0], recount.read(tmp_path / "other", "registry/accounts")[0]
    assert {row["account_id"] for row in mine}.isdisjoint(row["account_id"] for row in other)


def test_three_accounts_say_what_an_hour_is_worth_and_one_says_half_of_it(drop: Path) -> None:
    rows = recount.read(drop, "reference/time_value")[0]

    assert Counter(row["recapture_share"] is not None for row in rows) == {True: 4, False: 1}
    assert all(row["hourly_rate_cents"] >= 1 for row in rows)
    assert len({row["account_id"] for row in rows if row["recapture_share"] is not None}) == 3
    # A row of an account and day comes once, whatever the length of the range.
    assert len({(row["account_id"], row["valid_from"]) for row in rows}) == len(rows)


def test_a_complete_folder_is_left_as_it_is(drop: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in drop.rglob("*")}

    answers = simulate(drop, **SMALL)

    assert answers == json.loads((drop / "answers.json").read_text())
    assert {path: path.stat().st_mtime_ns for path in drop.rglob("*")} == before


def test_a_folder_of_other_arguments_is_never_written_over(drop: Path) -> None:
    with pytest.raises(UsageError, match="other arguments"):
        simulate(drop, **SMALL | {"seed": 99})


def test_somebody_elses_folder_is_never_written_over(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "dear.txt").write_text("dear")

    with pytest.raises(UsageError, match="not a simulated drop folder"):
        simulate(tmp_path / "letters", **SMALL)


@pytest.mark.parametrize("wrong", [{"days": 0}, {"accounts": 0}, {"events": -1}])
def test_arguments_out_of_range_are_refused_by_name(tmp_path: Path, wrong: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=next(iter(wrong))):
        simulate(tmp_path / "out", **SMALL | wrong)


def test_an_interrupted_run_leaves_nothing_in_place_and_can_be_repeated(tmp_path: Path) -> None:
    class InterruptedError(RuntimeError):
        pass

    def stop(what: str, done: int, total: int) -> None:
        if done == 5:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        simulate(tmp_path / "out", **SMALL, progress=stop)
    assert not (tmp_path / "out").exists()

    (tmp_path / ".out.partial" / "registry").mkdir(parents=True)
    simulate(tmp_path / "out", **SMALL)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_about_as_many_events_as_asked_for(drop: Path) -> None:
    asked = SMALL["events"]
    answers = json.loads((drop / "answers.json").read_text())

    assert 0.7 * asked < answers["rows"]["registry/events"] < 1.5 * asked


def test_a_late_event_stands_in_a_file_of_a_later_day_within_three_days(drop: Path) -> None:
    answers = json.loads((drop / "answers.json").read_text())
    seen: dict[str, str] = {}
    lags: Counter[int] = Counter()
    for path in recount.files(drop, "registry/events"):
        delivered = date.fromisoformat(path.name[:10])
        for line in recount.raw_lines(path):
            if line in seen or not line.endswith("}}"):
                continue
            seen[line] = path.name
            row = json.loads(line)
            try:
                created = date.fromisoformat(row["created_at"][:10])
            except ValueError:
                continue
            if row["metadata"]:
                lags[(delivered - created).days] += 1

    assert set(lags) <= {0, 1, 2, 3}
    assert sum(count for lag, count in lags.items() if lag > 0) == answers["late"]["registry/events"] > 0


def test_success_is_missing_before_the_day_that_it_was_first_reported(drop: Path) -> None:
    reported: dict[bool, int] = {True: 0, False: 0}
    for event in recount.read(drop, "registry/events")[0]:
        if event["event_type"] == "telemetry:skill_invoke":
            is_before = event["created_at"] < "2026-05-06"
            reported[is_before] += "success" in event["metadata"]

    assert reported[True] == 0
    assert reported[False] > 0


def test_a_key_stops_arriving_for_good(drop: Path) -> None:
    days = Counter(
        event["created_at"][:10]
        for event in recount.read(drop, "registry/events")[0]
        if "sdk_version" in event["metadata"]
    )
    stops = date.fromisoformat(json.loads((drop / "answers.json").read_text())["sdk_version_missing_from"])

    assert days
    assert max(days) < stops.isoformat()


def test_the_hook_always_reports_success_and_others_name_a_tool(drop: Path) -> None:
    for event in recount.read(drop, "registry/events")[0]:
        if event["event_type"] == "telemetry:skill_invoke":
            facts = event["metadata"]
            if facts["source"] == "claude-code-hook":
                assert facts.get("success", True) is True
                assert facts["skill_id"] == facts["skill_name"]
            else:
                assert facts["skill_id"] != facts["skill_name"]


def test_both_shapes_of_stripe_objects_arrive(drop: Path) -> None:
    shapes = {
        "on the subscription" if "current_period_end" in event["data"]["object"] else "on its items"
        for event in recount.read(drop, "billing/stripe_events")[0]
        if event["type"] == "customer.subscription.updated"
    }

    assert shapes == {"on the subscription", "on its items"}


def test_an_installation_precedes_the_first_use(drop: Path) -> None:
    events = recount.read(drop, "registry/events")[0]
    installed: dict[tuple[str, str], str] = {}
    for event in events:
        if event["event_type"] == "telemetry:skill_install" and event["metadata"].get("success") is not False:
            key = (event["actor"], event["metadata"]["skill_id"])
            installed[key] = min(installed.get(key, "9"), event["created_at"])
    for event in events:
        if event["event_type"] == "telemetry:skill_invoke" and "/" in event["metadata"]["skill_name"]:
            assert installed[event["actor"], event["metadata"]["skill_name"]] <= event["created_at"]


def test_the_first_eight_accounts_already_hold_every_tier_and_the_main_traps() -> None:
    first = CAST[:8]

    assert {part.tier for part in first} == {"team", "enterprise", "individual", "oem"}
    assert {"internal", "return", "migrate"} <= {part.story for part in first}


def test_one_more_day_is_one_more_file_of_each_daily_entity(drop: Path, tmp_path: Path) -> None:
    simulate(tmp_path / "longer", **SMALL | {"days": 13, "until": SMALL["until"] + timedelta(days=1)})

    for entity in ("registry/events", "registry/api_requests", "status/checks"):
        added = {path.name for path in recount.files(tmp_path / "longer", entity)} - {
            path.name for path in recount.files(drop, entity)
        }
        assert added == {"2026-05-13.ndjson.gz"}
