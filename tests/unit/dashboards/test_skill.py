"""What the page of a skill says where a figure has nothing beside it, and of one of something."""

from datetime import date, timedelta
from typing import Any

import pytest

from dashboards import data
from dashboards.app_pages import skill
from dashboards.viewers import Looking
from warehouse.access import OPERATOR

SUNDAY = date(2026, 11, 29)
WEEK_BEFORE = SUNDAY - timedelta(days=7)
CHOSEN = skill._Chosen("t", "Team", "ann/lint", 7, SUNDAY, frozenset({SUNDAY, WEEK_BEFORE}))
NOW = {
    **{"period_end": SUNDAY, "users": 3, "seats": 8, "is_provisional": False, "user_days": 4},
    **{"adoption_rate": 0.375, "adoption_low": 0.14, "adoption_high": 0.69},
    **{"uses": 5, "successes": 4, "failures": 1, "unknown": 0},
    **{"success_rate": 0.8, "success_low": 0.38, "success_high": 0.96},
    **{"previous_users": None, "previous_adoption_rate": None},
}


def why_no_rate(before: dict[str, Any] | None, **others: Any) -> str:
    *_, rate = skill._tiles(CHOSEN, NOW | others, before, [NOW | others])
    assert rate.change is None
    return rate.no_change


def test_a_success_rate_that_is_hidden_is_not_said_to_be_unknown():
    hidden = "No comparison: one side of it is hidden to protect people"
    assert why_no_rate({"uses": None, "success_rate": None}) == hidden
    assert why_no_rate({"uses": 4, "success_rate": 0.5}, uses=None, success_rate=None) == hidden
    unknown = "No result is known of the equal period before"
    assert why_no_rate({"uses": 4, "success_rate": None}) == unknown
    # The period before is published, and nobody used the skill in it.
    assert why_no_rate(None) == unknown
    assert why_no_rate({"uses": 4, "success_rate": 0.5}, success_rate=None) == "No result is known of this period"


def test_a_repository_that_changed_yesterday_did_so_one_day_ago():
    quality = {"days_since_update": 1, "issues": 1, "issues_answered": 1}
    assert skill._maintenance(quality) == "repository changed 1 day ago; 1/1 issues of 90 days answered within 7 days"


def test_a_score_just_below_an_edge_says_how_much_is_missing():
    quality = {
        **{"tier": "verified", "tier_state": "earned", "earned_tier": "verified", "score": 91.97},
        **{"rises_at": 92.0, "falls_at": 78.0, "tier_low": "verified", "tier_high": "verified", "usage_score": 31.0},
    }
    bands = [{"name": "gold", "from_score": 90.0}, {"name": "verified", "from_score": 80.0}]
    bands.append({"name": "community", "from_score": 0.0})
    assert skill._what_could_change(quality, {"usage": 1.0}, bands) == [
        "It rises to Gold at 92.0: 0.03 points more",
        # 91.97 less 78 is 13.97.
        "It falls to Community at 78.0: 14.0 points less",
    ]


@pytest.mark.parametrize(("published", "found"), [((0, 1, 2, 3), []), ((0, 1, 2), None)])
def test_weeks_in_which_nobody_used_a_skill_are_not_weeks_that_are_not_published(monkeypatch, published, found):
    weeks = tuple({"period_end": SUNDAY - timedelta(weeks=week)} for week in published)
    monkeypatch.setattr(data, "query", lambda name, *_, **__: weeks if name == "team_activity" else ())
    chosen = skill._Chosen("t", "Team", "ann/lint", 28, SUNDAY, frozenset({SUNDAY}))
    assert skill._weeks(Looking(OPERATOR, "Operator", is_demo=True), chosen) == found
