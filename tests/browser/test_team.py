"""What to do next on the team page, and what its figures leave out: as published, and hidden where few people are."""

import pytest

from dashboards.components import formats
from tests.browser.conftest import keep_screenshots, settle

pytestmark = pytest.mark.browser


def _path(team: str, end: object, period: int = 28) -> str:
    return f"/team?viewer=team_lead&lead={team}&team={team}&period={period}&end={end}"


def _body(page) -> str:
    return page.locator("[data-testid=stMain]").inner_text()


@pytest.fixture(scope="session")
def idle(rows):
    """A team that is shown, a period end, and its installed skills that nobody used in 28 days."""
    found = rows(
        "select i.team_id, i.period_end, min(a.seats_never_used) as never, min(a.seats_at_end) as seats, "
        "count(*) as unused, min(i.skill_name) as skill_name "
        "from metrics.team_installed_skills as i join metrics.team_activity as a "
        "on a.team_id = i.team_id and a.period_end = i.period_end and a.period_days = 28 "
        "where i.seats >= 5 and a.is_covered and (i.used_within_days is null or i.used_within_days > 28) "
        "and a.seats_never_used >= 2 "
        "and least(a.seats_active, a.seats_idle, a.seats_too_new) <> 1 and a.seats_at_end - a.seats_active <> 1 "
        "and a.seats_active > 1 and a.seats_idle <> 1 and a.seats_too_new <> 1 "
        "group by i.team_id, i.period_end order by count(*), i.period_end desc, i.team_id limit 1",
        "metrics.team_installed_skills",
        "metrics.team_activity",
    )
    assert found, "the sample world has no team with idle skills and seats that never began"
    return found[0]


def test_what_to_do_next_names_the_seats_and_skills_that_are_published(look, idle):
    page = look(_path(idle["team_id"], idle["period_end"]))
    body = _body(page)
    assert f"{idle['never']} of {idle['seats']} seats never began" in body
    number = f"{idle['unused']} skill{'s are' if idle['unused'] != 1 else ' is'} installed, and used by nobody"
    assert number in body
    assert idle["skill_name"] in body
    keep_screenshots(page, "team-next")


def test_a_period_in_which_the_data_begins_calls_nobody_idle(look, rows):
    [found] = rows(
        "select team_id, max(period_end) as period_end from metrics.team_activity where period_days = 28 and has_data "
        "and not is_covered and seats >= 5 and seats_never_used >= 2 group by team_id order by team_id limit 1",
        "metrics.team_activity",
    )
    body = _body(look(_path(found["team_id"], found["period_end"])))
    assert body.count("The data begins within this period") == 2
    assert "never began" not in body.replace("Seats that never began", "")
    assert "Nothing stands out" not in body
    [used] = rows(
        "select team_id, period_end, skill_name from metrics.team_skill_usage join metrics.team_activity "
        "using (team_id, period_end, period_days) where period_days = 28 and users > 1 and not is_covered "
        "order by team_skill_usage.uses desc, team_id, period_end, skill_name limit 1",
        "metrics.team_skill_usage",
        "metrics.team_activity",
    )
    path = _path(used["team_id"], used["period_end"]).replace("/team?", "/skill?")
    assert "The data begins within this period" in _body(look(f"{path}&skill={used['skill_name']}"))


def test_a_line_leads_to_its_page_with_the_same_team_and_back(look, idle):
    page = look(_path(idle["team_id"], idle["period_end"]))
    page.get_by_role("link", name="How joiners begin").click()
    page.get_by_role("heading", level=1, name="Onboarding").wait_for()
    settle(page)
    assert f"team={idle['team_id']}" in page.url
    page.go_back()
    page.get_by_role("heading", level=1, name="Team").wait_for()
    settle(page)
    assert f"team={idle['team_id']}" in page.url
    assert f"end={idle['period_end']}" in page.url
    assert "What to do next" in _body(page)


def test_the_events_of_bots_that_are_left_out_are_counted(look, rows):
    found = rows(
        "select e.* from metrics.excluded_events as e join metrics.team_activity as a on a.team_id = e.team_id "
        "and a.period_end = e.period_end and a.period_days = e.period_days where e.period_days = 28 and e.rule = 'bot' "
        "and a.seats >= 5 order by e.period_end desc, e.team_id limit 1",
        "metrics.excluded_events",
        "metrics.team_activity",
    )
    assert found, "the sample world has no bot in a team"
    row = found[0]
    bots = "bot" if row["actors"] == 1 else "bots"
    page = look(_path(row["team_id"], row["period_end"]))
    assert f"{formats.count(row['events'])} events of {formats.count(row['actors'])} {bots} of this team" in _body(page)


def test_a_team_of_few_is_told_nothing_to_do_about_its_people(look, rows):
    small = rows(
        "select team_id, period_end from metrics.team_activity where period_days = 28 and seats between 1 and 4 "
        "order by period_end desc, seats limit 1",
        "metrics.team_activity",
    )
    assert small, "the sample world has no small team"
    body = _body(look(_path(small[0]["team_id"], small[0]["period_end"])))
    assert "Hidden to protect people" in body
    assert "What to do next" not in body
