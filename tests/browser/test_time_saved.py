"""The time-saved page: published hours and uses, the tornado of the same kernel, a what-if that nothing keeps."""

import pytest

from analysis.time_saved import sensitivity, value_cents
from dashboards.components import formats
from dashboards.components.assumptions import as_tables
from tests.browser.conftest import keep_screenshot, keep_screenshots, settle
from warehouse.access import Role, Viewer

pytestmark = pytest.mark.browser


def _body(page) -> str:
    return page.locator("[data-testid=stMain]").inner_text()


def _path(row, **more: object) -> str:
    chosen = {"viewer": "team_lead", "lead": row["team_id"], "team": row["team_id"], "period": 28}
    chosen |= {"end": row["period_end"]} | more
    return "/time_saved?" + "&".join(f"{name}={value}" for name, value in chosen.items())


@pytest.fixture(scope="session")
def saved(reader, rows):
    """The hours of a team and period of which nothing has to be hidden."""
    teams = frozenset(row["team_id"] for row in rows("select team_id from metrics.teams", "metrics.teams"))
    found = reader.query(
        "select s.* from metrics.team_time_saved as s where s.period_days = 28 and s.assumption_set = 'default' "
        "and s.hours_p50 is not null and (s.team_id, s.period_end) in (select u.team_id, u.period_end "
        "from metrics.team_time_saved_uses as u where u.period_days = 28 and u.assumption_set = 'default' "
        "group by u.team_id, u.period_end having count(*) = count(u.failures)) "
        "order by s.period_end desc, s.successes desc, s.team_id limit 1",
        Viewer("lead of all teams", Role.TEAM_LEAD, team_ids=teams),
        ["metrics.team_time_saved", "metrics.team_time_saved_uses"],
    ).to_pylist()
    assert found, "the sample world has no team whose hours are shown"
    return found[0]


def test_the_page_shows_the_published_hours_and_the_uses_behind_them(look, saved, rows):
    page = look(_path(saved))
    tile = page.locator(".st-key-tile_time_saved_0").inner_text()
    assert formats.hours(saved["hours_p50"]) in tile
    assert f"{formats.hours(saved['hours_p10'])} to {formats.hours(saved['hours_p90'])}" in tile
    assert "modelled" in tile
    uses = rows(
        "select * from metrics.team_time_saved_uses where assumption_set = 'default' and period_days = 28 "
        f"and team_id = '{saved['team_id']}' and period_end = date '{saved['period_end']}' order by successes desc",
        "metrics.team_time_saved_uses",
    )
    named = "Every other skill" if uses[0]["assumption_name"] == "*" else uses[0]["assumption_name"]
    cells = page.get_by_role("row").filter(has_text=named).first.inner_text().split("\t")
    assert cells[1:3] == [formats.count(uses[0]["successes"]), formats.count(uses[0]["failures"])]
    keep_screenshots(page, "time-saved")


def test_the_newest_period_is_provisional_in_every_section_that_is_of_it(look, saved):
    page = look(_path(saved))
    badges = page.locator("[data-testid=stMain] .stMarkdownBadge").all_inner_texts()
    # Tiles, the rows behind them, hours over time, what they rest on and the tornado.
    assert len(badges) > 7
    assert [text for text in badges if "Checked" in text] == []


def test_hours_are_not_held_against_a_period_in_which_the_data_begins(look, reader, rows):
    teams = frozenset(row["team_id"] for row in rows("select team_id from metrics.teams", "metrics.teams"))
    [found] = reader.query(
        "select s.* from metrics.team_time_saved as s join metrics.team_activity as a on a.team_id = s.team_id "
        "and a.period_end = s.period_end and a.period_days = 28 join metrics.team_activity as b "
        "on b.team_id = s.team_id and b.period_end = s.period_end - 28 and b.period_days = 28 "
        "where s.period_days = 28 and s.assumption_set = 'default' and s.hours_p50 is not null "
        "and a.is_covered and b.has_data and not b.is_covered and b.seats >= 5 "
        "order by s.period_end desc, s.successes desc, s.team_id limit 1",
        Viewer("lead of all teams", Role.TEAM_LEAD, team_ids=teams),
        ["metrics.team_time_saved", "metrics.team_activity"],
    ).to_pylist()
    page = look(_path(found))
    assert formats.hours(found["hours_p50"]) in page.locator(".st-key-tile_time_saved_0").inner_text()
    for place in range(2):
        tile = page.locator(f".st-key-tile_time_saved_{place}").inner_text()
        assert "the data does not reach back through the equal period before" in tile


def test_the_tornado_is_told_in_words_with_the_kernels_numbers(read, saved, rows):
    uses = rows(
        "select * from metrics.team_time_saved_uses where assumption_set = 'default' and period_days = 28 "
        f"and team_id = '{saved['team_id']}' and period_end = date '{saved['period_end']}'",
        "metrics.team_time_saved_uses",
    )
    assumed = rows("select * from metrics.assumptions where assumption_set = 'default'", "metrics.assumptions")[0]
    shares = [
        {"assumption_set": "default", "factor": factor}
        | {end: assumed[f"{factor}_{end}"] for end in ("low", "mode", "high")}
        for factor in ("kept", "incremental")
    ]
    widest = sensitivity(*as_tables(uses, shares)).to_pylist()[0]
    page = read(_path(saved))
    told = f"{formats.hours(widest['hours_p50_at_low'])} to {formats.hours(widest['hours_p50_at_high'])}"
    chart = page.locator("[data-testid=stVegaLiteChart]").last
    assert told in str(chart.evaluate("chart => chart.outerHTML"))


def test_a_what_if_says_that_it_is_not_saved_and_a_reload_forgets_it(look, saved):
    page = look(_path(saved))
    assert "Nothing is changed yet." in _body(page)
    page.get_by_text("Change the assumptions").click()
    high = page.get_by_role("spinbutton", name="High").first
    # Only with the keyboard: as whoever has no mouse would.
    high.focus()
    page.keyboard.press("Control+A")
    page.keyboard.type("600")
    page.get_by_role("button", name="Work it out").focus()
    page.keyboard.press("Enter")
    page.get_by_role("row").filter(has_text="What-if, not saved").wait_for()
    settle(page)
    published = page.get_by_role("row").filter(has_text="Published").inner_text().split("\t")
    asked = page.get_by_role("row").filter(has_text="What-if, not saved").inner_text().split("\t")
    assert published[2] == formats.hours(saved["hours_p50"])
    assert asked[2] != published[2]
    assert "/ 600 instead of" in _body(page)
    keep_screenshot(page, "time-saved-what-if")
    # No result stands beside what cannot be worked out: of the last three numbers one is a share of 2.
    share = page.get_by_role("spinbutton", name="High").last
    share.fill("2")
    share.blur()
    settle(page)
    page.get_by_role("button", name="Work it out").click()
    page.get_by_text("A share is from 0 to 1.").wait_for()
    settle(page)
    assert page.get_by_role("row").filter(has_text="What-if, not saved").count() == 0
    page.reload()
    settle(page)
    assert "Nothing is changed yet." in _body(page)


def test_a_what_if_that_is_no_distribution_is_refused_with_the_reason(look, saved):
    page = look(_path(saved))
    page.get_by_text("Change the assumptions").click()
    low = page.get_by_role("spinbutton", name="Low").first
    low.fill("99999")
    # What was typed is told to the page when the field is left, and the button may be pressed before that.
    low.blur()
    settle(page)
    page.get_by_role("button", name="Work it out").click()
    page.get_by_text("Low must be at most the most likely").wait_for()


def test_hours_of_a_team_of_few_are_hidden(look, rows):
    small = rows(
        "select team_id, period_end from metrics.team_activity where period_days = 28 and seats between 1 and 4 "
        "and successes > 0 order by period_end desc, team_id limit 1",
        "metrics.team_activity",
    )
    assert small, "the sample world has no small team with uses"
    body = _body(look(_path(small[0])))
    assert "Hidden to protect people" in body
    assert "Which assumption matters most" not in body


def _try_worth(page, dollars: str, share: str) -> None:
    for name, typed in (("Hourly rate, US dollars: what-if", dollars), ("Recapture share: what-if", share)):
        field = page.get_by_role("spinbutton", name=name)
        field.fill(typed)
        # What was typed is told to the page when the field is left.
        field.blur()
        settle(page)
    page.get_by_role("button", name="Work it out").click()


BASIS = "at {}/hour × {} recaptured, set by the account from {} on"


@pytest.fixture(scope="session")
def valued(reader, rows):
    """The hours of a team and period that are shown and are worth something."""
    teams = frozenset(row["team_id"] for row in rows("select team_id from metrics.teams", "metrics.teams"))
    found = reader.query(
        "select s.* from metrics.team_time_saved as s where s.period_days = 28 and s.assumption_set = 'default' "
        "and s.value_cents_p50 is not null and (s.team_id, s.period_end) in (select u.team_id, u.period_end "
        "from metrics.team_time_saved_uses as u where u.period_days = 28 and u.assumption_set = 'default' "
        "group by u.team_id, u.period_end having count(*) = count(u.successes)) "
        "order by s.period_end desc, s.successes desc, s.team_id limit 1",
        Viewer("lead of all teams", Role.TEAM_LEAD, team_ids=teams),
        ["metrics.team_time_saved", "metrics.team_time_saved_uses"],
    ).to_pylist()
    assert found, "the sample world has no team whose hours are worth something"
    return found[0]


def test_hours_are_worth_money_with_what_it_follows_from_beside_it(look, valued):
    page = look(_path(valued))
    tile = page.locator(".st-key-tile_time_saved_1").inner_text()
    assert "Worth of the time saved" in tile
    assert "modelled" in tile
    assert formats.dollars(valued["value_cents_p50"]) in tile
    ends = (formats.dollars(valued[f"value_cents_{end}"]) for end in ("p10", "p90"))
    assert "p10 to p90: {} to {}".format(*ends) in tile
    rate, share = formats.exact_dollars(valued["hourly_rate_cents"]), formats.share(valued["recapture_share"])
    assert BASIS.format(rate, share, formats.day(valued["value_valid_from"])) in tile
    assert "In hours, not in money" not in _body(page)
    keep_screenshots(page, "time-saved-worth")


def test_an_account_that_set_no_share_is_shown_no_money_but_how_to_set_it(look, reader, rows):
    # Of the sample world's accounts one set only a rate, and most nothing: their rows look alike.
    teams = frozenset(row["team_id"] for row in rows("select team_id from metrics.teams", "metrics.teams"))
    [unset] = reader.query(
        "select s.* from metrics.team_time_saved as s where s.period_days = 28 and s.assumption_set = 'default' "
        "and s.hours_p50 > 0 and s.value_cents_p50 is null and (s.team_id, s.period_end) in (select u.team_id, "
        "u.period_end from metrics.team_time_saved_uses as u where u.period_days = 28 "
        "and u.assumption_set = 'default' group by u.team_id, u.period_end having count(*) = count(u.successes)) "
        "order by s.period_end desc, s.successes desc, s.team_id limit 1",
        Viewer("lead of all teams", Role.TEAM_LEAD, team_ids=teams),
        ["metrics.team_time_saved", "metrics.team_time_saved_uses"],
    ).to_pylist()
    assert unset["hourly_rate_cents"] is unset["recapture_share"] is None
    page = look(_path(unset))
    body = _body(page)
    assert "the account has not set both its hourly rate and the share" in body
    assert "reference/time_value.csv" in body
    assert "Worth" not in body
    assert "$" not in body
    page.get_by_text("Change the assumptions").click()
    _try_worth(page, "60", "")
    page.get_by_text("No money of it: that needs an hourly rate and a recapture share.").wait_for()
    assert "hourly rate $60.00 instead of none" in _body(page)
    assert "Worth" not in _body(page)
    _try_worth(page, "60", "0.5")
    page.get_by_text("share recaptured 50").wait_for()
    settle(page)
    asked = page.get_by_role("row").filter(has_text="What-if, not saved").inner_text().split("\t")
    published = page.get_by_role("row").filter(has_text="Published").inner_text().split("\t")
    assert asked[5] == formats.dollars(value_cents(unset["hours_p50"], 6_000, 0.5))
    assert published[4:7] == ["not set"] * 3


def test_a_rate_that_is_tried_is_a_what_if_and_kept_by_nobody(look, valued):
    page = look(_path(valued))
    page.get_by_text("Change the assumptions").click()
    # The published hours at 123.45 dollars, all of them put to use.
    _try_worth(page, "123.45", "1")
    page.get_by_role("row").filter(has_text="What-if, not saved").wait_for()
    settle(page)
    asked = page.get_by_role("row").filter(has_text="What-if, not saved").inner_text().split("\t")
    published = page.get_by_role("row").filter(has_text="Published").inner_text().split("\t")
    assert asked[1:4] == published[1:4]
    cents = [value_cents(valued[f"hours_{end}"], 12_345, 1.0) for end in ("p10", "p50", "p90")]
    assert asked[4:7] == [formats.dollars(each) for each in cents]
    assert published[5] == formats.dollars(valued["value_cents_p50"])
    was = formats.exact_dollars(valued["hourly_rate_cents"])
    assert f"hourly rate $123.45 instead of {was}" in _body(page)
    _try_worth(page, "123.45", "1.5")
    page.get_by_text("A recapture share is above 0 and at most 1.").wait_for()
    settle(page)
    assert page.get_by_role("row").filter(has_text="What-if, not saved").count() == 0
    page.reload()
    settle(page)
    assert "Nothing is changed yet." in _body(page)
    assert formats.dollars(valued["value_cents_p50"]) in page.locator(".st-key-tile_time_saved_1").inner_text()
