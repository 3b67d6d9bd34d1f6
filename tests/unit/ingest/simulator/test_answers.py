"""The generator's answers against a second count of the files it wrote."""

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from ingest.simulator import simulate
from tests.unit.ingest.simulator import recount

STEPS = ("censored", "shown", "clicked", "installed", "activated", "retained")


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty days of a small company, long enough for a whole month and for every kind of dirt."""
    out = tmp_path_factory.mktemp("simulated") / "drop"
    simulate(out, days=40, accounts=20, seed=7, events=12_000, until=date(2026, 6, 30))
    return out


@pytest.fixture(scope="module")
def answers(drop: Path) -> dict[str, Any]:
    return json.loads((drop / "answers.json").read_text())


@pytest.mark.parametrize("entity", sorted(recount.KEYS))
def test_rows_repeated_rows_and_broken_rows_are_as_answered(drop: Path, answers: dict[str, Any], entity: str) -> None:
    rows, twice, malformed = recount.read(drop, entity)

    assert len(rows) == answers["rows"][entity] > 0
    assert twice == answers["duplicates"].get(entity, 0)
    assert malformed == answers["malformed"].get(entity, 0)


def test_uses_per_skill_follow_from_the_files(drop: Path, answers: dict[str, Any]) -> None:
    assert recount.uses_per_skill(drop) == answers["uses_per_skill"]
    assert sum(counts["uses"] for counts in answers["uses_per_skill"].values()) > 1_000
    assert any("/" not in name for name in answers["uses_per_skill"]), "no bare name stayed unresolved"


def test_what_becomes_of_recommendations_follows_from_the_files(drop: Path, answers: dict[str, Any]) -> None:
    counted = answers["recommendations"]

    assert recount.recommendations(drop, answers["range"]["last_day"]) == counted
    steps = {step: sum(counts[step] for name, counts in counted.items() if "holdout" not in name) for step in STEPS}
    # Everything that the page tells apart is there: drop-offs at every step, open episodes, a holdout that does worse.
    assert steps["shown"] > steps["clicked"] > steps["installed"] > steps["activated"] > steps["retained"] > 10
    assert steps["censored"] > 10
    shown, installed = (
        sum(c[step] for name, c in counted.items() if "holdout" in name) for step in ("shown", "installed")
    )
    assert 0 < installed / shown < steps["installed"] / steps["shown"]


def test_scrapers_follow_from_the_files(drop: Path, answers: dict[str, Any]) -> None:
    found = recount.scrapers(recount.read(drop, "registry/events")[0])

    assert found
    assert sorted(map(list, found)) == answers["bot_actors"]["scraper_days"]


def test_monthly_revenue_follows_from_the_stripe_events(drop: Path, answers: dict[str, Any]) -> None:
    months = sorted(answers["mrr"])

    assert recount.mrr_by_account(drop, months) == answers["mrr_by_account"]
    assert months[-1] == "2026-06"


def test_every_months_movements_lead_from_opening_to_closing(answers: dict[str, Any]) -> None:
    closing = 0
    for month, line in sorted(answers["mrr"].items()):
        assert line["opening"] == closing, month
        gained = line["new"] + line["expansion"] + line["reactivation"]
        closing = line["opening"] + gained - line["contraction"] - line["churn"]
        assert line["closing"] == closing == sum(answers["mrr_by_account"][month].values())


def test_down_minutes_follow_from_the_probes(drop: Path, answers: dict[str, Any]) -> None:
    down, covered = recount.down_minutes(drop, answers["range"]["last_day"])

    assert down == answers["down_minutes"]
    assert covered == answers["covered_minutes"]
    assert sum(down.values()) > 0
    assert answers["excluded_minutes"]["search-api"] > 0
    assert covered["database"] < 40 * 1_440, "the database's outage leaves a gap"
