"""Where the data has only begun: what is shown says of which days it is, and nothing that nobody measured."""

from datetime import date, timedelta
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import data
from dashboards.app_pages import skill
from dashboards.components import charts, formats

SUNDAY = date(2026, 11, 29)


def _service() -> None:
    from dashboards.app_pages import executive
    from dashboards.components.definitions import Trust
    from dashboards.viewers import Looking
    from tests.unit.published import SNAPSHOT
    from warehouse.access import Role, Viewer

    looking = Looking(Viewer("executive", Role.EXECUTIVE), "Executive", is_demo=True)
    executive._service(looking, Trust(definitions={}, health={}, snapshot=SNAPSHOT))


def test_three_days_of_checks_are_not_called_thirty(monkeypatch):
    day = {"component": "website", "uptime": 1.0, "coverage": 1.0, "down_minutes": 0, "excluded_minutes": 0}
    days = tuple({**day, "day": SUNDAY - timedelta(days=number)} for number in (2, 1, 0))
    drawn: list[str] = []

    def show(chart: charts.Chart, alternative: str, **_: Any) -> charts.Chart:
        drawn.append(alternative)
        return chart

    monkeypatch.setattr(data, "query", lambda name, *_, **__: days if name == "availability" else ())
    monkeypatch.setattr(charts, "show", show)
    app = AppTest.from_function(_service).run()
    assert not app.exception
    said = " ".join([*drawn, *(caption.value for caption in app.caption)])
    assert drawn[0].startswith("Uptime by component, 27 Nov 2026 to 29 Nov 2026: website down 0 minutes")
    assert "27 Nov 2026 to 29 Nov 2026, UTC days" in app.caption[0].value
    assert "30" not in said.replace(f"90{formats.THIN}%", "")


def _seats(is_covered: bool) -> None:
    from dashboards.app_pages import team
    from dashboards.components import periods
    from dashboards.components.definitions import Trust
    from tests.unit.published import SNAPSHOT

    parts = {"seats_active": 5, "seats_idle": 2, "seats_never_used": 3, "seats_too_new": 4}
    parts |= {"new_users": 5, "returning_users": 0, "resurrected_users": 0, "dormant_users": 0}
    now = {"team_id": "t", "period_end": "2026-11-29", "period_days": 28, "is_provisional": False, **parts}
    against = team._Against(now if is_covered else None, "", periods.NOT_COVERED, is_provisional=False)
    team._seats(Trust(definitions={}, health={}, snapshot=SNAPSHOT), now, "t", against, is_covered=is_covered)


def test_who_was_active_before_the_data_begins_is_no_measured_nought():
    captions = [
        " ".join(caption.value for caption in AppTest.from_function(_seats, args=(is_covered,)).run().caption)
        for is_covered in (False, True)
    ]
    assert "Not active again" not in captions[0]
    assert "Who was last active before the data begins counts as new." in captions[0]
    assert "counts as never used, or as too new" in captions[0]
    assert "Not active again: 0." in captions[1]
    assert "before the data begins" not in captions[1]


def _skills(skills: tuple[dict[str, object], ...]) -> None:
    from dashboards.app_pages import team
    from dashboards.components.definitions import Trust
    from tests.unit.published import SNAPSHOT

    team._skills(
        Trust(definitions={}, health={}, snapshot=SNAPSHOT), skills, {"team_id": "t", "period_end": "2026-11-29"}, True
    )


def test_where_every_use_failed_no_skill_has_a_rank_and_none_is_said_not_to_be_used():
    [said] = AppTest.from_function(_skills, args=((),)).run().info
    assert "No skill was used with success in this period." in said.value


def test_one_skill_is_told_as_one():
    row = {
        **{"skill_name": "ann/lint", "usage_rank": 1, "users": 2, "seats": 8, "uses": 3, "failures": 0},
        **{"adoption_rate": 0.25, "adoption_low": 0.07, "adoption_high": 0.59, "is_provisional": False},
        **{"previous_users": 0, "previous_usage_rank": None},
    }
    app = AppTest.from_function(_skills, args=((row,),)).run()
    assert not app.exception
    assert app.expander[0].label == "1 skill as a table"
    assert "new: not used with success in it" in app.caption[0].value


@pytest.mark.parametrize(
    ("period_days", "end", "weeks", "why"),
    [
        (28, SUNDAY, None, "not all of them are published"),
        (28, SUNDAY, [], "nobody used the skill in them"),
        (28, SUNDAY - timedelta(days=1), None, "Weeks are published for 28 days up to a Sunday"),
        (7, SUNDAY, None, "Weeks are published for 28 days up to a Sunday"),
        (28, SUNDAY, [{"uses": None}], "one of them, or it, is hidden"),
    ],
)
def test_weeks_that_are_not_listed_have_the_reason_of_the_period_that_is_chosen(period_days, end, weeks, why):
    chosen = skill._Chosen("t", "Team", "ann/lint", period_days, end, frozenset({end}))
    assert why in skill._why_no_weeks(chosen, weeks)


def _line(page: str, rows: tuple[dict[str, object], ...]) -> None:
    from importlib import import_module

    from dashboards.components.definitions import Trust
    from tests.unit.published import SNAPSHOT

    trust = Trust(definitions={}, health={}, snapshot=SNAPSHOT)
    import_module(f"dashboards.app_pages.{page}")._trend(trust, rows, "t", 28)


@pytest.mark.parametrize(
    ("page", "column"), [("team", "adoption_rate"), ("account", "adoption_rate"), ("time_saved", "hours_p50")]
)
def test_a_line_whose_points_are_hidden_is_not_said_to_lack_history(page, column):
    def said(*rows: data.Row) -> str:
        [told] = AppTest.from_function(_line, args=(page, rows)).run().info
        return told.value

    ends = [SUNDAY - timedelta(weeks=week) for week in (2, 1, 0)]
    hidden = [{"period_end": end, column: None, "is_suppressed": True, "is_covered": True} for end in ends]
    known = {**hidden[2], column: 0.5, "is_suppressed": False}
    assert "At every period end the figure is hidden." in said(*hidden)
    assert "At 2 of 3 period ends the figure is hidden, and too few are left for a line." in said(*hidden[:2], known)
    assert "Too little history" in said(known)
    # What the data does not cover is no history yet, hidden or not.
    assert "Too little history" in said({**hidden[0], "is_covered": False}, known)


def _next_steps(is_covered: bool) -> None:
    from dashboards.app_pages import team_steps
    from dashboards.components.definitions import Trust
    from dashboards.viewers import Looking
    from tests.unit.published import SNAPSHOT
    from warehouse.access import Role, Viewer

    looking = Looking(Viewer("lead", Role.TEAM_LEAD), "Team lead", is_demo=True)
    now = {"seats_never_used": 0, "seats_at_end": 8, "is_covered": True}
    chosen = {"team_id": "t", "period_end": "2026-11-29", "period_days": 28}
    team_steps.show(looking, Trust(definitions={}, health={}, snapshot=SNAPSHOT), now, chosen, is_covered=is_covered)


def test_what_has_no_period_before_it_is_not_said_not_to_have_moved(monkeypatch):
    monkeypatch.setattr(data, "query", lambda *_, **__: ())
    said = [
        next(each.value for each in AppTest.from_function(_next_steps, args=(is_covered,)).run().markdown)
        for is_covered in (False, True)
    ]
    assert all("Every seat has begun, no installed skill lies idle" in told for told in said)
    assert ["than before" in told for told in said] == [False, True]
    assert said[0].endswith(
        "none fails often. Whether skills gain or lose people is not known yet: the data does not "
        "reach back through the equal period before."
    )
