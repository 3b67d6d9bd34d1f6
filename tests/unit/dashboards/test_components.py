"""What pages are made of: downloads, banners, tables, badges, the default of the period end."""

import math
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import streamlit as st

from dashboards.app_pages import team
from dashboards.components import banners, charts, definitions, downloads, formats, periods, tables
from dashboards.components.definitions import Trust
from dashboards.viewers import team_labels
from tests.unit.published import SNAPSHOT
from warehouse.access import Attempt, is_stale


def _trust(**badges: str) -> Trust:
    health = {
        table: {"badge": badge, "data_until": datetime(2026, 11, 22, number)}
        for number, (table, badge) in enumerate(badges.items())
    }
    return Trust(definitions={}, health=health, snapshot=SNAPSHOT)


def test_a_badge_is_the_worst_of_its_tables_and_grey_where_nothing_is_known():
    trust = _trust(fresh="green", late="amber", broken="red")
    assert trust.badge("fresh") == "green"
    assert trust.badge("fresh", is_provisional=True) == "amber"
    assert trust.badge("fresh", "late", "broken") == "red"
    assert trust.badge("fresh", "unheard_of") == "grey"
    assert trust.badge() == "grey"


def test_what_a_refused_build_withheld_is_red_with_the_last_good_date_and_the_rest_is_no_longer_green():
    trust = replace(_trust(team_activity="green", mrr_bridge="green"), blocked=frozenset({"mrr_bridge"}), is_old=True)
    assert trust.badge("mrr_bridge") == "red"
    assert trust.badge("team_activity") == "amber"
    assert "Last good value, as of 23 Nov 2026 06:00 UTC" in trust.last_good("mrr_bridge")
    assert trust.reasons("mrr_bridge")[0] == "mrr_bridge: a newer build was refused."


def test_a_table_that_is_red_in_its_own_snapshot_says_when_it_was_last_good():
    trust = _trust(mrr_bridge="red")
    trust.health["mrr_bridge"]["last_good_at"] = datetime(2026, 11, 20, 6)
    assert "Last good: 20 Nov 2026 06:00 UTC" in trust.last_good("mrr_bridge")
    trust.health["mrr_bridge"]["last_good_at"] = None
    assert "No build of it was ever good" in trust.last_good("mrr_bridge")


def test_every_badge_that_is_not_green_has_its_reasons():
    trust = _trust(late="amber", whole="green")
    trust.health["late"].update(freshness_minutes=1700, freshness_limit_minutes=1560, warnings=2, completeness=0.5)
    assert trust.reasons("whole") == []
    assert trust.reasons("late") == [
        "late: 2 checks warned.",
        f"late: ends 28.3{formats.THIN}h before the clock; 26.0{formats.THIN}h are allowed.",
        f"late: of the rows that a source says its files have, 50{formats.THIN}% arrived.",
    ]
    assert trust.reasons("unheard_of") == ["unheard_of: nothing is known about its health."]
    assert trust.reasons("whole", is_provisional=True) == ["Provisional: late events may still arrive."]


def test_data_until_is_that_of_the_table_that_is_furthest_behind():
    assert _trust(behind="green", ahead="green").data_until("ahead", "behind") == datetime(2026, 11, 22, 0)
    assert _trust().data_until("unheard_of") == date(2026, 11, 22)


def test_what_never_came_has_no_date_and_not_that_of_the_snapshot():
    trust = _trust(team_activity="green", arr_plan="grey")
    trust.health["arr_plan"]["data_until"] = None
    assert definitions.until(trust, "arr_plan") == "Data of no date"
    assert definitions.until(trust, "arr_plan", "team_activity") == "Data until 22 Nov 2026 00:00 UTC"
    lines = downloads.as_csv([{"actual": None}], trust, "arr_plan").splitlines()
    assert lines[1] == ",20261123T060000-a1,,grey"
    assert downloads._file_name("arr_plan", trust, "arr_plan") == "arr_plan_20261123T060000-a1"
    assert downloads._file_name("uses", trust, "team_activity") == "uses_20261123T060000-a1_until_2026-11-22"


def test_a_definition_of_money_names_the_unit_of_the_page_and_that_of_the_file():
    texts = {"label": "MRR bridge", "definition": "How it moved.", "worked_example": None, "definition_version": "1"}
    trust = replace(
        _trust(mrr_bridge="green", team_time_saved="green"),
        definitions={
            ("mrr_bridge", ""): {**texts, "unit": "cents"},
            ("team_time_saved", ""): {**texts, "label": "Time saved", "unit": "hours"},
        },
    )
    assert definitions._definition(trust, "mrr_bridge", []).startswith("**MRR bridge** (US dollars, in files in cents)")
    assert definitions._definition(trust, "team_time_saved", []).startswith("**Time saved** (hours)")


def test_a_download_carries_snapshot_age_and_badge_in_every_row():
    text = downloads.as_csv([{"users": 3}, {"users": 4}], _trust(team_activity="amber"), "team_activity")
    lines = text.splitlines()
    assert lines[0] == "users,snapshot_id,data_until,badge"
    assert lines[1] == "3,20261123T060000-a1,2026-11-22 00:00:00,amber"
    assert len(lines) == 3


def test_a_provisional_row_is_no_greener_in_a_download_than_on_its_tile():
    rows = [{"users": 3, "is_provisional": True}, {"users": 4, "is_provisional": False}]
    lines = downloads.as_csv(rows, _trust(team_activity="green"), "team_activity").splitlines()
    assert lines[1].endswith(",amber")
    assert lines[2].endswith(",green")


def test_rows_that_do_not_say_that_they_are_provisional_take_it_from_their_section():
    rows = [{"successes": 3}, {"successes": 4, "is_provisional": None}, {"successes": 5, "is_provisional": False}]
    trust = _trust(team_time_saved_uses="green")
    lines = downloads.as_csv(rows, trust, "team_time_saved_uses", is_provisional=True).splitlines()
    assert [line.rpartition(",")[2] for line in lines] == ["badge", "amber", "amber", "green"]


def test_a_download_of_the_health_of_tables_keeps_the_badge_of_each():
    rows = [{"table_name": "mrr_bridge", "badge": "red"}]
    lines = downloads.as_csv(rows, _trust(table_health="green"), "table_health").splitlines()
    assert lines[0] == "table_name,badge,snapshot_id,data_until"
    assert lines[1].startswith("mrr_bridge,red,")


def test_a_name_that_a_spreadsheet_would_run_is_made_inert_and_a_negative_number_stays_one():
    rows = [{"skill_name": "=cmd()", "change": -3}, {"skill_name": "plain", "change": 2}]
    lines = downloads.as_csv(rows, _trust(), "team_activity").splitlines()
    assert lines[1].startswith("'=cmd(),-3,")
    assert lines[2].startswith("plain,2,")


def test_a_snapshot_is_stale_after_26_hours():
    as_of = datetime(2026, 11, 22, 6, 0)
    assert not is_stale(as_of, datetime(2026, 11, 23, 8, 0, tzinfo=UTC))
    assert is_stale(as_of, datetime(2026, 11, 23, 8, 1, tzinfo=UTC))


def test_only_a_refusal_after_the_shown_snapshot_counts():
    before = SNAPSHOT.published_at - timedelta(hours=1)
    after = SNAPSHOT.published_at + timedelta(hours=1)
    assert banners.is_refused(Attempt(after, "refused", []), SNAPSHOT)
    assert not banners.is_refused(Attempt(before, "refused", []), SNAPSHOT)
    assert not banners.is_refused(Attempt(after, "published", []), SNAPSHOT)
    assert not banners.is_refused(None, SNAPSHOT)


def test_a_table_escapes_names_from_outside_and_puts_numbers_on_the_right(monkeypatch):
    printed = []
    monkeypatch.setattr(st, "html", printed.append)
    rows = [{"name": "<b>x</b>", "rows": None, "state": "ok"}, {"name": "y", "rows": 7, "state": "no"}]
    columns = {"name": ("Name", tables.text), "rows": ("Rows", str), "state": ("State", "✔ {}".format)}
    tables.show(rows, columns)
    assert "<td>&lt;b&gt;x&lt;/b&gt;</td>" in printed[0]
    assert '<td><span class="good">✔</span> ok</td>' in printed[0]
    assert '<td class="number">7</td>' in printed[0]


def test_the_period_end_defaults_to_the_newest_of_the_last_week_that_has_an_equal_period_before_it():
    newest = date(2026, 11, 25)
    sundays = [date(2026, 11, 22) - timedelta(weeks=week) for week in range(8)]
    days = sorted({newest - timedelta(days=day) for day in range(14)} | set(sundays), reverse=True)
    assert periods.default_end(days, 28) == date(2026, 11, 22)
    assert periods.default_end(days, 7) == newest
    assert periods.default_end(days, 90) == newest


def test_a_hidden_team_is_told_how_few_they_are_or_that_they_were_fewer_in_a_period_beside_it(monkeypatch):
    said: list[str] = []
    monkeypatch.setattr(st, "info", lambda text, **_: said.append(text))
    banners.few_people(4)
    banners.few_people(6)
    banners.few_people(1)
    assert "4 people were seated in this team in the period" in said[0]
    assert "in another period that shares days with this one" in said[1]
    assert "6 people" not in said[1]
    assert "1 person was seated in this team in the period" in said[2]


def test_a_sparkline_breaks_where_a_figure_is_hidden_and_ends_before_its_edge_where_the_newest_is():
    rows = [{"uses": value} for value in (None, 3, None, 0, 7, math.nan)]
    assert [str(value) for value in periods.series(rows, "uses")] == ["3.0", "nan", "0.0", "7.0", "nan"]
    assert periods.series([{"uses": None}, {"uses": 3}], "uses") == []


def test_teams_that_share_a_name_are_told_apart():
    teams = [
        {"team_id": "1", "team_name": "Core"},
        {"team_id": "2", "team_name": "Core"},
        {"team_id": "3", "team_name": "Web"},
    ]
    assert team_labels(teams) == {"1": "Core (1)", "2": "Core (2)", "3": "Web"}


def test_a_quarter_without_a_figure_keeps_its_place_in_the_chart():
    rows = [
        row | {"actual_text": ""}
        for row in (
            {"quarter": date(2026, 1, 1), "actual_arr_cents": None, "planned_arr_cents": 1_500_000},
            {"quarter": date(2026, 4, 1), "actual_arr_cents": 5_756_000, "planned_arr_cents": 14_280_000},
        )
    ]
    assert charts.plan(rows).specification["encoding"]["x"]["sort"] == ["Q1 2026", "Q2 2026"]


def test_a_months_moves_fill_their_chart_however_small_beside_its_level():
    steps = [
        ("Opening", 1_000_000, True),
        ("New", 20_000, False),
        ("Churn", -5_000, False),
        ("Closing", 1_015_000, True),
    ]

    chart = charts.waterfall(steps)

    assert [(row["start"], row["end"], row["kind"]) for row in chart.rows] == [
        (10_000, 10_000, "Level"),
        (10_000, 10_200, "Up"),
        (10_200, 10_150, "Down"),
        (10_150, 10_150, "Level"),
    ]
    # A margin of a twentieth around the 200 dollars between the lowest and the highest.
    assert chart.specification["layer"][0]["encoding"]["x"]["scale"]["domainMin"] == 9_990


def test_a_month_without_moves_has_an_axis_around_its_level():
    chart = charts.waterfall([("Opening", 100_000, True), ("New", 0, False), ("Closing", 100_000, True)])

    assert {row["kind"] for row in chart.rows} == {"Level"}
    assert chart.specification["layer"][0]["encoding"]["x"]["scale"]["domainMin"] == 950


@pytest.mark.parametrize(
    ("uptime", "coverage", "told", "covered", "band"),
    [
        (0.98998, 1.0, "98.998", "100", "✕ Below 99 %"),
        (0.99897, 1.0, "99.897", "100", "▴ 99 % or more"),
        (0.998999, 1.0, "99.8999", "100", "▴ 99 % or more"),
        (0.999, 1.0, "99.90", "100", "• 99.9 % or more"),
        (0.9999, 0.8986, "99.99", "89.9", "– No data"),
        (0.9999, 0.9, "99.99", "90", "• 99.9 % or more"),
    ],
)
def test_the_uptime_of_a_day_is_told_apart_from_the_edges_of_its_class(uptime, coverage, told, covered, band):
    day = {"component": "api", "day": date(2026, 11, 29), "down_minutes": 0, "excluded_minutes": 0}

    [row] = charts.availability_strip([day | {"uptime": uptime, "coverage": coverage}]).rows

    assert (row["uptime"], row["coverage"]) == (f"{told}{formats.THIN}%", f"{covered}{formats.THIN}%")
    assert row["band"] == band


def test_onboarding_curves_are_named_at_their_ends_and_differ_by_more_than_colour():
    rows = [
        {"cohort": "Jul 2026", "day": 0, "adopted_share": None, "text": "No data"},
        {"cohort": "Jul 2026", "day": 1, "adopted_share": 0.4, "text": "40 %", "mark": "2 people who had not begun"},
        {"cohort": "Jun 2026", "day": 0, "adopted_share": 0.2, "text": "20 %"},
        {"cohort": "Jun 2026", "day": 1, "adopted_share": None, "text": "No data"},
    ]
    chart = charts.onboarding_curves(rows, ["Jul 2026", "Jun 2026", "May 2026"])
    assert [row["name"] for row in chart.rows] == ["", "Jul 2026", "Jun 2026", ""]
    assert [row["mark"] for row in chart.rows] == [None, "2 people who had not begun", None, None]
    [ticks] = [each for each in chart.specification["layer"] if each["mark"]["type"] == "tick"]
    # A name at a curve's end has nothing more to say, and shows no raw fields.
    silent = [each for each in chart.specification["layer"] if "tooltip" not in each["encoding"]]
    assert {each["mark"]["tooltip"] for each in silent} == {None}
    assert ticks["transform"] == [{"filter": "isValid(datum.mark) && isValid(datum.adopted_share)"}]
    line = chart.specification["layer"][0]["encoding"]["strokeDash"]["scale"]
    assert line["domain"] == ["Jul 2026", "Jun 2026"]
    assert line["range"][0] != line["range"][1]


@pytest.mark.parametrize(
    ("previous_users", "previous_rank", "told"),
    [(4, 3, "▲2"), (4, 1, "="), (0, None, "new"), (None, None, ""), (None, 2, "▲1")],
)
def test_a_skill_is_new_where_nobody_used_it_before_and_not_where_that_is_hidden(previous_users, previous_rank, told):
    row = {"usage_rank": 1, "previous_users": previous_users, "previous_usage_rank": previous_rank}
    assert team._move(row, is_covered=True) == told
    assert team._move(row, is_covered=False) == ""
