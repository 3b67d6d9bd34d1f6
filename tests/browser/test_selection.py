"""What is chosen by hand on a page: team, period, surface and model; and what a member may choose to see."""

from itertools import pairwise

import pytest

from dashboards.components import formats
from tests.browser.conftest import NEW_TEAM, settle
from warehouse.access import Role, Viewer

pytestmark = pytest.mark.browser


def _body(page) -> str:
    return page.locator("[data-testid=stMain]").inner_text()


def _choose(page, label: str, option: str, address: str) -> None:
    """Choose from the list of that name, as with a mouse; then `address` is in the page's."""
    field = page.get_by_role("combobox", name=label).first
    # A list closes as the page scrolls, so first there and then open it.
    field.scroll_into_view_if_needed()
    settle(page)
    field.click()
    page.get_by_role("option", name=option, exact=True).click()
    page.wait_for_url(lambda url: address in url)
    settle(page)


@pytest.fixture(scope="session")
def owned(rows):
    """The 28 days, up to the newest Sunday, of two teams of one account whose figures are shown in full."""
    found = rows(
        "select a.*, t.team_name from metrics.team_activity as a join metrics.teams as t using (team_id) "
        "where a.period_days = 28 and a.seats >= 5 and a.active_users between 2 and a.seats - 2 "
        "and a.period_end = (select max(period_end) from metrics.team_activity "
        "where extract(isodow from period_end) = 7) "
        "order by a.account_id, a.team_id",
        "metrics.team_activity",
        "metrics.teams",
    )
    pairs = [(one, other) for one, other in pairwise(found) if one["account_id"] == other["account_id"]]
    assert pairs, "no account of the sample world has two teams that are shown"
    return pairs[0]


def _owner_path(row) -> str:
    chosen = {"viewer": "account_owner", "owner": row["account_id"], "team": row["team_id"]}
    chosen |= {"period": 28, "end": row["period_end"]}
    return "/team?" + "&".join(f"{name}={value}" for name, value in chosen.items())


def test_another_team_of_the_selector_has_its_own_published_numbers(look, owned):
    first, second = owned
    page = look(_owner_path(first))
    assert f"{first['active_users']}/{first['seats']}" in page.locator(".st-key-tile_team_2").inner_text()
    _choose(page, "Team", second["team_name"], f"team={second['team_id']}")
    assert f"end={second['period_end']}" in page.url
    adoption = page.locator(".st-key-tile_team_2").inner_text()
    assert f"{second['active_users']}/{second['seats']}" in adoption
    assert formats.share(second["adoption_rate"]) in adoption
    assert f"{second['installed_skills']} installed" in page.locator(".st-key-tile_team_0").inner_text()
    # And the next page is of the same team.
    page.get_by_role("link", name="Time saved").first.click()
    page.get_by_role("heading", level=1, name="Time saved").wait_for()
    settle(page)
    assert f"team={second['team_id']}" in page.url


def test_another_period_of_the_control_has_its_own_published_numbers(look, owned, rows):
    first, _ = owned
    [week] = rows(
        f"select * from metrics.team_activity where team_id = '{first['team_id']}' and period_days = 7 "
        f"and period_end = date '{first['period_end']}'",
        "metrics.team_activity",
    )
    page = look(_owner_path(first))
    page.get_by_role("radio", name="7 days", exact=True).click()
    page.wait_for_url("**period=7*")
    settle(page)
    adoption = page.locator(".st-key-tile_team_2").inner_text()
    few = week["active_users"] == 1 or week["seats"] - week["active_users"] == 1
    assert ("A band of" if few else f"{week['active_users']}/{week['seats']}") in adoption
    assert "vs the 7 days before" in _body(page)
    earlier = first["period_end"].fromordinal(first["period_end"].toordinal() - 7)
    [before] = rows(
        f"select * from metrics.team_activity where team_id = '{first['team_id']}' and period_days = 7 "
        f"and period_end = date '{earlier}'",
        "metrics.team_activity",
    )
    _choose(page, "Period end", f"{earlier:%a} {formats.day(earlier)}", f"end={earlier}")
    few = before["active_users"] == 1 or before["seats"] - before["active_users"] == 1
    told = page.locator(".st-key-tile_team_2").inner_text()
    assert ("A band of" if few else f"{before['active_users']}/{before['seats']}") in told


@pytest.mark.parametrize(
    ("page", "said"),
    [
        ("team", "No data for Newcomers yet."),
        ("skill", "Newcomers has not used a skill yet."),
        ("time_saved", "No data for Newcomers yet."),
        ("onboarding", "Nobody has joined Newcomers yet."),
        ("recommendations", "No data for Newcomers yet."),
    ],
)
def test_a_team_without_data_says_so_and_what_brings_it(read, page, said):
    opened = read(f"/{page}?viewer=team_lead&lead={NEW_TEAM}&team={NEW_TEAM}")
    assert said in _body(opened)
    assert "a refresh" in _body(opened)
    assert opened.locator("[data-testid=stMetric]").count() == 0
    assert opened.locator("[data-testid=stException]").count() == 0


def test_a_member_reads_their_teams_page_as_its_lead_does_and_no_other_teams(look, owned, rows):
    first, second = owned
    chosen = f"period=28&end={first['period_end']}"
    page = look(f"/team?viewer=member&member={first['team_id']}&team={first['team_id']}&{chosen}")
    assert f"{first['active_users']}/{first['seats']}" in page.locator(".st-key-tile_team_2").inner_text()
    people = {
        row["actor_key"] for row in rows("select actor_key from marts.dim_team_members", "marts.dim_team_members")
    }
    assert not any(key in page.content() for key in people)
    # Another team of the same account is not theirs, whatever the address asks for.
    other = look(f"/team?viewer=member&member={first['team_id']}&team={second['team_id']}&{chosen}")
    assert f"team={first['team_id']}" in other.url
    assert second["team_name"] not in _body(other)
    assert f"{second['active_users']}/{second['seats']}" not in _body(other)
    # What the company earns, and how it runs its data, is for others.
    body = _body(look(f"/executive?viewer=member&member={first['team_id']}"))
    assert "Only executives can see this" in body
    assert "$" not in body


@pytest.fixture(scope="session")
def recommended(reader, rows):
    """A team, and a surface of which its lead sees the acceptance of as many Sundays as can be."""
    teams = frozenset(row["team_id"] for row in rows("select team_id from metrics.teams", "metrics.teams"))
    found = reader.query(
        "select team_id, surface, period_days, max(period_end) as period_end from metrics.team_recommendations "
        "where surface <> '*' and model = '*' and is_covered and extract(isodow from period_end) = 7 "
        "and acceptance_rate is not null group by 1, 2, 3 having count(*) > 1 "
        "order by count(*) desc, team_id, surface, period_days limit 1",
        Viewer("lead of all teams", Role.TEAM_LEAD, team_ids=teams),
        ["metrics.team_recommendations"],
    ).to_pylist()
    assert found, "the sample world has no surface that is shown over time"
    return found[0]


def _told(page) -> list[str]:
    return page.locator("[aria-label]").evaluate_all("all => all.map((one) => one.getAttribute('aria-label'))")


def test_acceptance_over_time_is_shown_of_one_surface_and_kept_in_the_address(look, recommended, reader):
    team, end, days = (recommended[name] for name in ("team_id", "period_end", "period_days"))
    path = f"/recommendations?viewer=team_lead&lead={team}&team={team}&period={days}&end={end}"
    page = look(path)
    assert "surface=all" in page.url
    name = {"cli": "CLI", "mcp": "MCP", "ide": "IDE", "web": "Web"}[recommended["surface"]]
    _choose(page, "Surface", name, f"surface={recommended['surface']}")
    assert "model=all" in page.url
    page.reload()
    settle(page)
    assert f"surface={recommended['surface']}" in page.url
    [last] = reader.query(
        f"select * from metrics.team_recommendations where period_days = {days} and model = '*' and team_id = '{team}' "
        f"and surface = '{recommended['surface']}' and period_end = date '{end}'",
        Viewer("lead", Role.TEAM_LEAD, team_ids=frozenset({team})),
        ["metrics.team_recommendations"],
    ).to_pylist()
    accepted = formats.share_of(last["acceptance_rate"], last["installed"], last["shown"], 1)
    assert any(text.startswith(f"Acceptance on {name} over {days} days") and accepted in text for text in _told(page))


def test_a_surface_that_is_withheld_over_time_stays_so_and_says_it(look, rows):
    hidden = rows(
        "select team_id, surface, max(period_end) as period_end from metrics.team_recommendations "
        "where period_days = 7 and surface <> '*' and model = '*' and seats >= 5 group by 1, 2 "
        "having max(least_people_installed) = 1 and count(*) > 2 order by count(*) desc, team_id, surface limit 1",
        "metrics.team_recommendations",
    )
    assert hidden, "the sample world has no surface that one person alone installs from"
    row = hidden[0]
    page = look(
        f"/recommendations?viewer=team_lead&lead={row['team_id']}&team={row['team_id']}&period=7"
        f"&end={row['period_end']}&surface={row['surface']}"
    )
    assert not any(text and text.startswith("Acceptance on") for text in _told(page))
    assert "Hidden to protect people." in _body(page)


def test_the_target_of_the_quarter_stands_on_the_acceptance_of_its_period(look, rows):
    found = rows(
        "select r.*, t.target, t.quarter from metrics.team_recommendations as r join metrics.usage_targets as t "
        "on t.quarter = date_trunc('quarter', r.period_end) where r.period_days = 28 and r.surface = '*' "
        "and r.model = '*' and r.seats >= 5 and r.least_people_shown > 1 and r.least_people_installed > 1 "
        "order by r.period_end desc, r.team_id limit 1",
        "metrics.team_recommendations",
        "metrics.usage_targets",
    )
    assert found, "the sample world has no acceptance in a quarter that the plan has"
    row = found[0]
    team = row["team_id"]
    page = look(f"/recommendations?viewer=team_lead&lead={team}&team={team}&period=28&end={row['period_end']}")
    word = "met" if row["acceptance_rate"] >= row["target"] else "missed"
    tile = page.locator(".st-key-tile_recommendations_0").inner_text()
    assert f"Target {formats.share(row['target'])} ({formats.quarter(row['quarter'])}): {word}" in tile
    assert "Target" not in page.locator(".st-key-tile_recommendations_1").inner_text()
