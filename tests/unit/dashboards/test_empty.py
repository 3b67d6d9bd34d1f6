"""Nothing to show: every query runs on empty tables, every page says so, and every error says what to do."""

from datetime import UTC, datetime, timedelta

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import data
from warehouse import access, snapshots
from warehouse.access import OPERATOR, Attempt, open_reader
from warehouse.errors import (
    NotPublishedError,
    SkillsmithError,
    StorageError,
    TableNotPublishedError,
    WarehouseBusyError,
    WarehouseNewerError,
)
from warehouse.settings import PROJECT_ROOT

APP = str(PROJECT_ROOT / "dashboards" / "app.py")
VALUES = {
    "team_id": "t1",
    "account_id": "a1",
    "period_days": 28,
    "period_end": "2026-11-22",
    "assumption_set": "default",
    "segment": "total",
    "skill_name": "ann/lint",
    "surface": "*",
    "model": "*",
    "table_name": "team_recommendations",
    "column_name": "acceptance_rate",
    "first_month": "2026-08-01",
    "last_month": "2026-11-01",
}
EMPTY = {
    ("executive", "executive"): ["No revenue yet", "No objective is measured yet", "No component is checked yet"],
    ("data_engineer", "data"): ["No table has a badge yet", "No file was imported", "No row waits in quarantine"],
}


def _said(app: AppTest) -> str:
    shown = [*app.title, *app.info, *app.success, *app.error, *app.warning, *app.markdown, *app.caption]
    return " ".join(str(element.value) for element in shown)


@pytest.fixture(scope="module")
def reader(empty_settings):
    with open_reader(empty_settings) as opened:
        yield opened


@pytest.mark.parametrize("name", sorted(path.stem for path in data.QUERIES.glob("*.sql")))
def test_every_query_runs_on_empty_tables(reader, name):
    file = data.query_file(name)
    found = reader.query(file.sql, OPERATOR, file.tables, {given: VALUES[given] for given in file.parameters})
    # Without a check nothing is ever published, so there is always one.
    assert found.num_rows == (1 if name == "check_results" else 0)


@pytest.mark.parametrize(("viewer", "page"), EMPTY)
def test_every_page_says_what_is_missing_and_how_it_comes(empty_home, viewer, page):
    app = AppTest.from_file(APP, default_timeout=120)
    app.query_params["viewer"] = viewer
    app.run()
    assert not app.exception
    assert app.title[0].value.lower() == page
    for words in EMPTY[viewer, page]:
        assert words in _said(app)


def _page(name: str) -> None:
    from importlib import import_module

    from dashboards.viewers import Looking
    from warehouse.access import Role, Viewer

    lead = Viewer("lead", Role.TEAM_LEAD, frozenset({"a1"}), frozenset({"t1"}))
    import_module(f"dashboards.app_pages.{name}").show(Looking(lead, "Team lead", is_demo=True))


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("team", "team"),
        ("onboarding", "team"),
        ("time_saved", "team"),
        ("recommendations", "team"),
        ("account", "account"),
    ],
)
def test_the_page_of_a_team_or_account_says_so_to_who_has_none(empty_home, name, what):
    app = AppTest.from_function(_page, args=(name,)).run()
    assert not app.exception
    assert f"You have no {what} here" in _said(app)


def test_a_refused_publish_is_said_with_its_reason_and_a_stale_snapshot_with_its_age(
    empty_home, empty_settings, monkeypatch
):
    folder = empty_settings.published_folder
    before = snapshots.read_attempt(folder)
    failed = {"check_name": "shares_are_shares", "table_name": "build.team_activity", "reason": "a join went wrong"}
    snapshots.write_attempt(folder, Attempt(datetime.now(UTC) + timedelta(minutes=5), "refused", [failed]))
    monkeypatch.setattr(access, "STALE_AFTER", timedelta(0))
    try:
        app = AppTest.from_file(APP, default_timeout=120)
        app.query_params["viewer"] = "executive"
        app.run()
    finally:
        snapshots.write_attempt(folder, before)
    assert not app.exception
    assert "Publishing refused since" in app.error[0].value
    assert r"shares\_are\_shares on build.team\_activity: a join went wrong" in app.error[0].value
    assert "Stale data" in app.warning[0].value
    assert "skillsmith-analytics refresh" in app.warning[0].value


@pytest.mark.parametrize(
    ("error", "title", "what_to_do"),
    [
        (TableNotPublishedError("metrics.x"), "Not published yet", "skillsmith-analytics refresh"),
        (NotPublishedError("x"), "Nothing is published yet", "skillsmith-analytics refresh"),
        (WarehouseBusyError("x"), "The warehouse does not answer", "Reload this page"),
        (WarehouseNewerError("x"), "The published data is newer than this program", "Install the version"),
        (StorageError("the disk is full"), "This page could not be read", "skillsmith-analytics status"),
        (SkillsmithError("set SKILLSMITH_SECRET"), "This page could not be read", r"set SKILLSMITH\_SECRET"),
    ],
)
def test_an_error_is_told_in_words_that_say_what_to_do(empty_home, monkeypatch, error, title, what_to_do):
    def broken() -> None:
        raise error

    monkeypatch.setattr(data, "snapshot", broken)
    app = AppTest.from_file(APP, default_timeout=120).run()
    assert not app.exception
    assert [shown.value for shown in app.title] == [title]
    assert what_to_do in _said(app)
