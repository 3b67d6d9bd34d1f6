"""My usage: a member's own published rows, nobody else's, and nothing for whoever has none."""

import pytest

from dashboards.components import formats
from tests.browser.conftest import keep_screenshots, settle

pytestmark = pytest.mark.browser


def _body(page) -> str:
    return page.locator("[data-testid=stMain]").inner_text()


@pytest.fixture(scope="session")
def member(rows):
    """Whom the demo looks as in the team with the most active person: team, and the person's 28 days of all skills."""
    found = rows(
        "select members.team_id, windows.* from marts.dim_team_members as members join marts.fct_person_windows as "
        "windows on windows.actor_key = members.actor_key join metrics.teams as t on t.team_id = members.team_id "
        "where members.left_at is null and windows.period_days = 28 and windows.skill_name = '*' "
        "order by windows.active_days desc, windows.uses desc, windows.actor_key limit 1",
        "marts.dim_team_members",
        "marts.fct_person_windows",
        "metrics.teams",
    )
    assert found, "the sample world has nobody who used a skill"
    return found[0]


def _path(member, **more: object) -> str:
    chosen = {"viewer": "member", "member": member["team_id"], "period": 28} | more
    return "/my_usage?" + "&".join(f"{name}={value}" for name, value in chosen.items())


def test_a_member_sees_their_own_numbers(look, member, rows):
    # As on a telephone, from the first byte.
    page = look(_path(member), width=390, scheme="dark")
    figures = page.locator(".st-key-my_figures").inner_text()
    for name in ("active_days", "active_skills", "uses", "successes"):
        assert formats.count(member[name]) in figures
    skills = rows(
        f"select * from marts.fct_person_windows where actor_key = '{member['actor_key']}' and period_days = 28 "
        "and skill_name <> '*' order by successes desc, uses desc, skill_name",
        "marts.fct_person_windows",
    )
    table = page.locator(".rows:visible").first.get_by_role("row")
    assert table.count() == len(skills) + 1
    first = skills[0]
    cells = table.nth(1).inner_text().split("\t")
    assert cells == [first["skill_name"], *(formats.count(first[name]) for name in
                     ("uses", "successes", "failures", "unknown", "active_days"))]  # fmt: skip
    # Time saved is a figure of a team.
    assert "saved" not in _body(page).lower()
    keep_screenshots(page, "my-usage", [(390, "dark"), (1280, "light")])


def test_the_figures_are_compared_with_the_equal_period_before_where_there_was_one(look, member, rows):
    periods = rows(
        f"select * from marts.fct_person_windows where actor_key = '{member['actor_key']}' and skill_name = '*'",
        "marts.fct_person_windows",
    )
    compared = {row["period_days"]: row for row in periods if row["period_days"] in (7, 90)}
    # The sample world is too short for twice 90 days.
    assert compared[90]["previous_uses"] is None
    week = compared[7]
    figures = look(_path(member, period=7)).locator(".st-key-my_figures").inner_text()
    for name in ("active_days", "active_skills", "uses", "successes"):
        change = week[name] - week[f"previous_{name}"]
        # An arrow says which way.
        assert ("no change" if change == 0 else formats.count(abs(change))) in figures
    assert figures.count("vs the 7 days before") == 4
    page = look(_path(member, period=90))
    assert "Nothing to compare with" in _body(page)
    assert "days before" not in page.locator(".st-key-my_figures").inner_text()


@pytest.mark.parametrize("viewer", ["team_lead", "account_owner", "executive", "data_engineer"])
def test_a_viewer_without_a_key_of_their_own_sees_no_persons_numbers(look, member, viewer):
    team = member["team_id"]
    body = _body(look(f"/my_usage?viewer={viewer}&lead={team}&member={team}&actor_key={member['actor_key']}"))
    assert "No usage is known to be yours" in body
    assert "By skill" not in body


@pytest.mark.long
def test_a_longer_period_and_a_reload_show_the_same_person(look, member, rows):
    longer = rows(
        f"select * from marts.fct_person_windows where actor_key = '{member['actor_key']}' and period_days = 90 "
        "and skill_name = '*'",
        "marts.fct_person_windows",
    )[0]
    page = look(_path(member))
    page.get_by_role("radio", name="90 days").click()
    page.wait_for_url("**period=90*")
    settle(page)
    assert formats.count(longer["uses"]) in page.locator(".st-key-my_figures").inner_text()
    page.reload()
    settle(page)
    assert formats.count(longer["uses"]) in page.locator(".st-key-my_figures").inner_text()
    assert member["actor_key"] not in page.content()
