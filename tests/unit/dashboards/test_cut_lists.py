"""Lists that end before the last say so: skills that move, gaps, months of joining."""

from datetime import date, datetime

import pytest
import streamlit as st

from dashboards.app_pages import data as data_page
from dashboards.app_pages import onboarding, team_steps
from dashboards.components import sections, tables
from dashboards.components.definitions import Trust
from tests.unit.published import SNAPSHOT


def _moving(gaining: int, losing: int) -> list[dict[str, object]]:
    moves = [(f"up{number}", 2, 5) for number in range(gaining)] + [(f"down{number}", 5, 2) for number in range(losing)]
    return [{"skill_name": name, "previous_users": before, "users": users} for name, before, users in moves]


def test_skills_that_gain_or_lose_people_are_counted_where_not_all_are_named():
    gaining, losing = team_steps._moves(_moving(gaining=5, losing=3))
    assert gaining.advice.startswith(
        "up0 (2 → 5 people), up1 (2 → 5 people), up2 (2 → 5 people) and 2 more. Ask who began"
    )
    assert [label for _, label, _ in gaining.links] == ["up0", "up1", "up2"]
    assert "more." not in losing.advice


@pytest.mark.parametrize(("number", "told"), [(100, False), (101, True)])
def test_gaps_beyond_those_that_are_listed_are_told(monkeypatch, number, told):
    said: list[str] = []
    listed: list[int] = []
    monkeypatch.setattr(st, "markdown", lambda text, **_: said.append(text))
    monkeypatch.setattr(tables, "show", lambda rows, *_, **__: listed.append(len(rows)))
    monkeypatch.setattr(sections, "foot", lambda *_, **__: None)
    gap = {
        **dict.fromkeys(("day", "file_name", "rows_expected", "rows_found", "detail")),
        **{"source": "registry", "entity": "events", "kind": "empty_day", "first_seen_at": datetime(2026, 11, 1)},
    }
    data_page._gaps((gap,) * number, Trust(definitions={}, health={}, snapshot=SNAPSHOT))
    assert listed == [100]
    assert said[0].startswith(f"Open: **{number}**")
    assert ("The first 100 are below; the CSV has them all." in said[0]) == told


def test_months_that_the_chart_has_no_room_for_are_told():
    months = [{"cohort_month": date(2026, month, 1)} for month in (7, 6, 5, 4, 3)]
    assert "the 4 newest of the 5 months" in onboarding._of_how_many(months, months[0])
    # Of June there are only three more before it.
    assert onboarding._of_how_many(months, months[1]) == ""
