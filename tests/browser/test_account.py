"""The account page: teams side by side as published, hidden ones with the reason, and nobody else's account."""

import pytest

from dashboards.components import formats
from tests.browser.conftest import keep_screenshots, rows_shown, settle

pytestmark = pytest.mark.browser


def _body(page) -> str:
    return page.locator("[data-testid=stMain]").inner_text()


def _path(account: str, end: object, viewer: str = "account_owner") -> str:
    return f"/account?viewer={viewer}&owner={account}&account={account}&period=28&end={end}"


@pytest.fixture(scope="session")
def whole(rows):
    """An account and a period in which nothing of it has to be hidden."""
    found = rows(
        "select c.* from metrics.account_activity as c where c.period_days = 28 and c.has_data and c.seats >= 5 "
        "and c.active_users between 2 and c.seats - 2 and not exists (select 1 from metrics.team_activity as t "
        "where t.account_id = c.account_id and t.period_end = c.period_end and t.period_days = 28 "
        "and (t.seats < 5 or t.active_users = 1 or t.seats - t.active_users = 1)) "
        # Nobody in two teams, or in none.
        "and (select sum(t.seats) from metrics.team_activity as t where t.account_id = c.account_id "
        "and t.period_end = c.period_end and t.period_days = 28) = c.seats "
        "order by c.period_end desc, c.seats desc, c.account_id limit 1",
        "metrics.account_activity",
        "metrics.team_activity",
    )
    assert found, "the sample world has no account that is shown as a whole"
    return found[0]


def test_the_account_is_shown_in_people_and_its_teams_as_published(look, whole, rows):
    page = look(_path(whole["account_id"], whole["period_end"]))
    assert f"{whole['active_users']}/{whole['seats']}" in page.locator(".st-key-tile_account_0").inner_text()
    assert formats.count(whole["uses"]) in page.locator(".st-key-tile_account_3").inner_text()
    teams = rows(
        "select a.*, t.team_name, s.hours_p50 from metrics.team_activity as a join metrics.teams as t "
        "on t.team_id = a.team_id left join metrics.team_time_saved as s on s.team_id = a.team_id "
        "and s.period_end = a.period_end and s.period_days = 28 and s.assumption_set = 'default' "
        f"where a.account_id = '{whole['account_id']}' and a.period_days = 28 "
        f"and a.period_end = date '{whole['period_end']}'",
        "metrics.team_activity",
        "metrics.teams",
        "metrics.team_time_saved",
    )
    assert teams
    for team in teams:
        cells = page.get_by_role("row").filter(has_text=team["team_name"]).first.inner_text().split("\t")
        assert cells[1:4] == [str(team["seats"]), str(team["active_users"]), formats.share(team["adoption_rate"])]
        assert formats.hours(team["hours_p50"]) in cells
    page.get_by_text("Rows behind these figures").click()
    behind = page.locator("[class*='st-key-behind_']")
    behind.get_by_text("The figures themselves").wait_for()
    # Nobody is in two teams, so their uses add up to the account's.
    assert f"The rows add up to {formats.count(whole['uses'])} uses." in behind.inner_text()
    listed = {cells[0]: cells[4] for cells in rows_shown(behind)[1:]}
    assert listed == {team["team_name"]: formats.count(team["uses"]) for team in teams}
    keep_screenshots(page, "account")


def test_a_team_of_few_is_hidden_with_the_reason_and_so_is_the_whole(look, rows):
    small = rows(
        "select account_id, team_id, period_end, seats from metrics.team_activity where period_days = 28 "
        "and seats between 1 and 4 order by period_end desc, team_id limit 1",
        "metrics.team_activity",
    )
    assert small, "the sample world has no small team"
    page = look(_path(small[0]["account_id"], small[0]["period_end"]))
    body = _body(page)
    assert "The account as a whole is hidden to protect people" in body
    row = page.get_by_role("row").filter(has_text="hidden: fewer than 5 people").first.inner_text()
    assert row.split("\t")[1:4] == [str(small[0]["seats"]), "Hidden", "Hidden"]
    assert page.locator(".st-key-tile_account_0").count() == 0


def test_a_lead_sees_the_own_team_only_and_somebody_without_account_nothing(look, whole, rows):
    team = rows(
        f"select team_id, team_name from metrics.teams where account_id = '{whole['account_id']}' order by team_id",
        "metrics.teams",
    )[0]
    page = look(f"/account?viewer=team_lead&lead={team['team_id']}&period=28&end={whole['period_end']}")
    table = page.locator(".rows:visible").first
    assert table.get_by_role("row").count() == 2
    assert team["team_name"] in table.inner_text()
    page = look(_path(whole["account_id"], whole["period_end"], viewer="executive"))
    assert "You have no account here" in _body(page)


def test_another_account_in_the_address_is_not_opened(look, whole, rows):
    others = rows(
        f"select account_id, account_name from metrics.accounts where account_id <> '{whole['account_id']}' "
        "and account_id in (select account_id from metrics.teams) order by account_id limit 1",
        "metrics.accounts",
        "metrics.teams",
    )
    page = look(
        f"/account?viewer=account_owner&owner={whole['account_id']}&account={others[0]['account_id']}&period=28"
    )
    body = _body(page)
    assert others[0]["account_name"] not in body
    assert f"account={whole['account_id']}" in page.url


@pytest.mark.long
def test_a_reload_and_the_way_to_a_team_and_back_keep_the_period(look, whole):
    page = look(_path(whole["account_id"], whole["period_end"]))
    before = _body(page)
    page.reload()
    settle(page)
    assert _body(page) == before
    page.locator("[data-testid=stPageLink]").first.click()
    page.get_by_role("heading", level=1, name="Team").wait_for()
    settle(page)
    assert f"end={whole['period_end']}" in page.url
    page.go_back()
    page.get_by_role("heading", level=1, name="Account").wait_for()
    settle(page)
    assert f"end={whole['period_end']}" in page.url


def test_teams_hours_are_worth_what_their_account_set_and_are_not_added_up(look, rows):
    [found] = rows(
        "select account_id, period_end, hourly_rate_cents, recapture_share from metrics.team_time_saved "
        "where period_days = 28 and assumption_set = 'default' and value_cents_p50 is not null "
        "group by account_id, period_end, hourly_rate_cents, recapture_share having count(*) > 1 "
        "order by period_end desc, account_id limit 1",
        "metrics.team_time_saved",
    )
    page = look(_path(found["account_id"], found["period_end"]))
    body = _body(page)
    rate, share = formats.exact_dollars(found["hourly_rate_cents"]), formats.share(found["recapture_share"])
    assert f"nor does what they are worth (at {rate}/hour × {share} recaptured, set by the account from" in body
    teams = rows(
        "select t.team_name, s.value_cents_p50, a.seats, a.active_users from metrics.team_time_saved as s "
        "join metrics.teams as t on t.team_id = s.team_id join metrics.team_activity as a on a.team_id = s.team_id "
        "and a.period_end = s.period_end and a.period_days = s.period_days where s.period_days = 28 "
        f"and s.assumption_set = 'default' and s.account_id = '{found['account_id']}' "
        f"and s.period_end = date '{found['period_end']}'",
        *("metrics.team_time_saved", "metrics.teams", "metrics.team_activity"),
    )
    told = 0
    for team in teams:
        cells = page.get_by_role("row").filter(has_text=team["team_name"]).first.inner_text().split("\t")
        if cells[6] == "Hidden":
            assert cells[8:10] == ["Hidden", "Hidden"]
        else:
            assert cells[8] == formats.dollars(team["value_cents_p50"])
            told += 1
    assert told
    assert formats.dollars(sum(team["value_cents_p50"] for team in teams)) not in body or len(teams) == 1


def test_an_account_that_set_no_worth_of_an_hour_is_told_once_how_to(look, rows):
    found = rows(
        "select account_id, period_end from metrics.team_time_saved where period_days = 28 and hours_p50 > 0 "
        "group by account_id, period_end having count(value_cents_p50) = 0 and max(successes) > 50 "
        "order by period_end desc, max(successes) desc, account_id limit 1",
        "metrics.team_time_saved",
    )[0]
    body = _body(look(_path(found["account_id"], found["period_end"])))
    assert body.count("reference/time_value.csv") == 1
    assert "Worth" not in body
    assert "$" not in body
