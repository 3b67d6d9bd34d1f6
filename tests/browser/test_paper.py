"""What leaves the page: each chart as a picture, and the whole of it on paper, without what is pressed or chosen."""

from pathlib import Path

import pytest

from dashboards.components import formats
from tests.browser.conftest import SCREENSHOTS, settle
from warehouse.access import Role, Viewer

pytestmark = pytest.mark.browser


@pytest.fixture(scope="session")
def team(rows):
    """A team whose figures are shown in full."""
    found = rows(
        "select a.*, t.team_name from metrics.team_activity as a join metrics.teams as t on a.team_id = t.team_id "
        "where a.period_days = 28 and a.seats >= 5 and a.active_users between 2 and a.seats - 2 "
        "order by a.period_end desc, a.seats desc, a.team_id limit 1",
        "metrics.team_activity",
        "metrics.teams",
    )
    assert found, "the sample world has no team of five seats or more"
    return found[0]


def _path(team) -> str:
    return f"/team?viewer=team_lead&lead={team['team_id']}&team={team['team_id']}&period=28&end={team['period_end']}"


def test_every_chart_is_saved_as_a_picture_with_the_keyboard(look, team):
    page = look(_path(team))
    saves = page.get_by_role("button", name="PNG", exact=True)
    assert saves.count() == page.locator("[data-testid=stVegaLiteChart]").count() > 1
    # Nothing that a keyboard comes to is invisible.
    assert not any(found.is_visible() for found in page.locator("[data-testid=stElementToolbar]").all())
    for number in range(saves.count()):
        with page.expect_download() as waiting:
            saves.nth(number).focus()
            page.keyboard.press("Enter")
        assert Path(waiting.value.path()).read_bytes().startswith(b"\x89PNG")


def test_paper_has_the_numbers_and_the_choice_in_words_and_nothing_to_press(look, team):
    page = look(_path(team), scheme="dark")
    page.emulate_media(media="print")
    for role in ("button", "combobox", "radio", "link"):
        assert not any(found.is_visible() for found in page.get_by_role(role).all()), role
    text = page.locator("[data-testid=stMain]").inner_text()
    assert team["team_name"] in text
    assert f"{team['active_users']}/{team['seats']}" in text
    assert "UTC days" in text
    # All of the page, not only what a window shows of it; and dark letters, for paper is white.
    assert page.evaluate("document.documentElement.scrollHeight") > 1200
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(22, 32, 46)"
    page.screenshot(path=SCREENSHOTS / "team-paper.png", full_page=True)


@pytest.fixture(scope="session")
def printed(reader, rows):
    """Of each page what its lead is shown there: a path, and texts that paper has too."""
    teams = frozenset(row["team_id"] for row in rows("select team_id from metrics.teams", "metrics.teams"))
    lead = Viewer("lead of all teams", Role.TEAM_LEAD, team_ids=teams)

    def first(sql: str, *tables: str) -> dict:
        found = reader.query(sql, lead, tables).to_pylist()
        assert found, sql
        return found[0]

    saved = first(
        "select s.*, t.team_name from metrics.team_time_saved as s join metrics.teams as t using (team_id) "
        "where s.period_days = 28 and s.assumption_set = 'default' and s.hours_p50 is not null "
        "order by s.period_end desc, s.successes desc, s.team_id limit 1",
        "metrics.team_time_saved",
        "metrics.teams",
    )
    accepted = first(
        "select r.*, t.team_name from metrics.team_recommendations as r join metrics.teams as t using (team_id) "
        "where r.period_days = 90 and r.surface = '*' and r.model = '*' and r.acceptance_rate is not null "
        "order by r.period_end desc, r.shown desc, r.team_id limit 1",
        "metrics.team_recommendations",
        "metrics.teams",
    )
    joined = first(
        "select o.*, t.team_name from metrics.team_onboarding_summary as o join metrics.teams as t using (team_id) "
        "where o.has_data and o.seats >= 5 order by o.cohort_month desc, o.team_id limit 1",
        "metrics.team_onboarding_summary",
        "metrics.teams",
    )
    return {
        "time_saved": (
            f"/time_saved?viewer=team_lead&lead={saved['team_id']}&period=28&end={saved['period_end']}",
            [saved["team_name"], formats.hours(saved["hours_p50"]), "UTC days"],
        ),
        "recommendations": (
            f"/recommendations?viewer=team_lead&lead={accepted['team_id']}&period=90&end={accepted['period_end']}",
            [
                accepted["team_name"],
                f"{formats.count(accepted['installed'])}/{formats.count(accepted['shown'])}",
                "UTC days",
                "Surface: All, model: All",
            ],
        ),
        "onboarding": (
            f"/onboarding?viewer=team_lead&lead={joined['team_id']}&joined={joined['cohort_month']}",
            [joined["team_name"], f"{joined['seats']} people joined in {joined['cohort_month']:%B %Y}"],
        ),
    }


@pytest.mark.parametrize("name", ["recommendations", "time_saved", "onboarding"])
def test_every_page_of_a_team_is_whole_on_paper_and_has_nothing_to_press(look, printed, name):
    path, texts = printed[name]
    page = look(path, scheme="dark")
    page.emulate_media(media="print")
    for role in ("button", "combobox", "radio", "link"):
        assert not any(found.is_visible() for found in page.get_by_role(role).all()), role
    written = page.locator("[data-testid=stMain]").inner_text()
    assert [text for text in texts if text not in written] == []
    # The tiles have their values, and what is folded away is not half there.
    assert page.locator("[class*='st-key-tile_']").first.is_visible()
    assert "Rows behind these figures" not in written
    charts = page.locator("[data-testid=stVegaLiteChart]")
    assert charts.count() > 0
    assert all(found.is_visible() for found in charts.all())
    assert page.evaluate("getComputedStyle(document.querySelector('h1')).color") == "rgb(22, 32, 46)"
    assert page.evaluate("document.documentElement.scrollHeight") > 900
    page.screenshot(path=SCREENSHOTS / f"{name}-paper.png", full_page=True)


def test_rows_that_were_unfolded_are_printed_whole(look, printed):
    page = look(printed["time_saved"][0])
    page.get_by_text("Rows behind these figures").click()
    page.get_by_text("The figures themselves").wait_for()
    settle(page)
    page.emulate_media(media="print")
    tables = page.locator("[class*='st-key-behind_'] .rows")
    assert tables.count() == 2
    assert tables.evaluate_all("all => all.every((one) => one.scrollHeight <= one.clientHeight + 1)")
