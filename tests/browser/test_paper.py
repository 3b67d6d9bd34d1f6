"""What leaves the page: each chart as a picture, and the whole of it on paper, without what is pressed or chosen."""

from pathlib import Path

import pytest

from tests.browser.conftest import SCREENSHOTS

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
