"""Installs and SDK versions on the page of a skill, uninstalls beside time saved: what a lead may see, and no more."""

from datetime import timedelta

import pytest

from dashboards.app_pages.skill_installs import ERRORS, OUTCOMES
from dashboards.components import formats
from tests.browser.conftest import keep_screenshot, keep_screenshots, rows_shown
from warehouse.access import Role, Viewer

pytestmark = pytest.mark.browser

TABLES = ["metrics.team_skill_breakdown", "metrics.team_skill_usage", "metrics.team_time_saved_uses"]


def _body(page) -> str:
    return page.locator("[data-testid=stMain]").inner_text()


def _path(row, page="skill", **more: object) -> str:
    chosen = {"viewer": "team_lead", "lead": row["team_id"], "team": row["team_id"], "skill": row["skill_name"]}
    chosen |= {"period": row["period_days"], "end": row["period_end"]} | more
    return f"/{page}?" + "&".join(f"{name}={value}" for name, value in chosen.items())


def _cells(page, first: str) -> list[str]:
    """The cells of the table row that begins with the text."""
    return next(cells for cells in rows_shown(page) if cells[0] == first)


def _told(row) -> list[str]:
    return ["Hidden" if row[column] is None else formats.count(row[column]) for column in ("events", "people")]


@pytest.fixture(scope="session")
def seen(reader, rows):
    """`seen(sql)`: what the leads of all teams see, small groups hidden."""
    teams = rows("select team_id, account_id from metrics.teams", "metrics.teams")
    everybody = Viewer(
        "leads",
        Role.TEAM_LEAD,
        frozenset(team["account_id"] for team in teams),
        frozenset(team["team_id"] for team in teams),
    )
    return lambda sql: reader.query(sql, everybody, TABLES).to_pylist()


@pytest.fixture(scope="session")
def kept_ends(seen):
    """The last days of the periods that are kept in parts, the newest last."""
    found = seen("select distinct period_end from metrics.team_skill_breakdown order by period_end")
    return [row["period_end"] for row in found]


@pytest.fixture(scope="session")
def skill(seen):
    """The skill with most failed installs that a lead is told of, else with most installs; its uses are told, too."""
    found = seen(
        "select failed.*, used.events as uses from metrics.team_skill_breakdown as failed "
        "join metrics.team_skill_breakdown as used on used.team_id = failed.team_id "
        "and used.skill_name = failed.skill_name and used.period_days = failed.period_days "
        "and used.period_end = failed.period_end and used.breakdown = 'sdk_version' and used.value = '*' "
        "where failed.breakdown in ('install_error', 'installed') and failed.value = '*' and failed.period_days = 90 "
        "and failed.events is not null and used.events is not null "
        "order by failed.breakdown = 'installed', failed.events desc, used.events desc, 1, 2"
    )
    assert found, "in no team of the sample world did two people install a skill"
    return found[0]


def test_the_skill_page_shows_installs_and_versions_as_they_are_published(look, skill, seen):
    page = look(_path(skill))
    published = seen(
        f"select * from metrics.team_skill_breakdown where team_id = '{skill['team_id']}' and period_days = 90 "
        f"and period_end = date '{skill['period_end']}' and skill_name = '{skill['skill_name']}'"
    )
    totals = {row["breakdown"]: row for row in published if row["value"] == "*"}
    for kind, what in OUTCOMES.items():
        if kind in totals or kind != "install_unknown":
            assert _cells(page, what)[1:3] == _told(totals.get(kind, {"events": 0, "people": 0}))
    errors = [row for row in published if row["breakdown"] == "install_error" and row["value"] != "*"]
    is_told = any(row["events"] is not None for row in errors)
    for row in errors:
        assert _cells(page, f"{row['value']}: {ERRORS[row['value']]}")[1:] == (_told(row) if is_told else [])
    assert ("How often each happened is hidden" in _body(page)) == (bool(errors) and not is_told)
    for row in published:
        if row["breakdown"] == "sdk_version":
            named = {"*": "All", "unknown": "Unknown"}.get(row["value"], row["value"])
            assert _cells(page, named)[1:3] == _told(row)
    assert "Not kept for the period chosen above" not in _body(page)
    keep_screenshots(page, "skill-installs")


@pytest.mark.long
def test_the_last_whole_week_is_kept_like_the_newest_period(read, rows, skill, kept_ends):
    [until] = rows("select max(period_end) as day from metrics.team_activity", "metrics.team_activity")
    assert kept_ends == sorted({until["day"], until["day"] - timedelta(days=until["day"].isoweekday() % 7)})
    for end in kept_ends:
        assert "Not kept for the period chosen above" not in _body(read(_path(skill, end=end)))


def test_an_earlier_end_says_that_installs_are_of_the_newest_period(look, skill, kept_ends):
    page = look(_path(skill, end=kept_ends[0] - timedelta(days=1)))
    assert "Not kept for the period chosen above" in _body(page)
    assert f"to {formats.day(kept_ends[-1])}." in _body(page)
    keep_screenshot(page, "skill-installs-earlier")


def test_a_skill_that_nobody_installed_says_so(look, seen):
    found = seen(
        "select * from metrics.team_skill_breakdown as used where used.breakdown = 'sdk_version' and used.value = '*' "
        "and used.period_days = 7 and used.events is not null and not exists (select 1 "
        "from metrics.team_skill_breakdown as other where other.team_id = used.team_id and other.period_days = 7 "
        "and other.period_end = used.period_end "
        "and other.skill_name = used.skill_name and other.breakdown <> 'sdk_version') order by 1, 2 limit 1"
    )
    assert "Nobody installed or uninstalled it" in _body(look(_path(found[0])))


@pytest.mark.long
def test_uninstalls_of_the_same_skills_stand_beside_the_hours(look, seen, kept_ends):
    found = seen(
        "select uninstalls.* from metrics.team_skill_breakdown as uninstalls "
        "join metrics.team_skill_usage as usage on usage.team_id = uninstalls.team_id "
        "and usage.skill_name = uninstalls.skill_name and usage.period_end = uninstalls.period_end "
        "and usage.period_days = uninstalls.period_days join metrics.team_time_saved_uses as hours "
        "on hours.team_id = uninstalls.team_id and hours.period_end = uninstalls.period_end "
        "and hours.period_days = uninstalls.period_days and hours.assumption_set = 'default' "
        "and hours.assumption_name = '*' where uninstalls.breakdown = 'uninstalled' and uninstalls.period_days = 90 "
        "and uninstalls.events is not null and usage.users > 0 and hours.successes is not null "
        "and not exists (select 1 from metrics.team_time_saved_uses as own where own.assumption_name = "
        "uninstalls.skill_name) "
        "order by uninstalls.period_end desc, uninstalls.team_id, uninstalls.skill_name"
    )
    assert found, "in no team of the sample world did two people uninstall a skill"
    same = [row for row in found if all(row[name] == found[0][name] for name in ("team_id", "period_end"))]
    told = sum(row["events"] for row in same)
    page = look(_path(found[0], page="time_saved"))
    assert _cells(page, "Every other skill")[3].split(" + ")[0] == formats.count(told)
    keep_screenshots(page, "time-saved-uninstalls")
    earlier = look(_path(found[0], page="time_saved", end=kept_ends[0] - timedelta(days=1)))
    assert "not kept for this period" in _body(earlier)
