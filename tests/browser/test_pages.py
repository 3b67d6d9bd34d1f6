"""Every page as every viewer in a real browser: the published numbers are on it, and nothing that is not theirs."""

import csv
import re
import shutil
from datetime import UTC, datetime
from itertools import product
from xml.etree import ElementTree

import pytest

from dashboards.components import formats
from tests.browser.conftest import VIEWS, keep_screenshot, keep_screenshots, rows_shown, serving, settle
from warehouse import snapshots
from warehouse.access import Attempt, open_reader
from warehouse.settings import load_settings

pytestmark = pytest.mark.browser

VIEWERS = ("team_lead", "executive", "data_engineer")
EVERY_VIEW = tuple(product((1280, 390), ("light", "dark")))
PAGES = ("team", "skill", "onboarding", "recommendations", "executive", "data")


@pytest.fixture(scope="session")
def lead(rows):
    """The newest 28-day row of a team whose figures are shown in full, with its name."""
    found = rows(
        "select a.*, t.team_name from metrics.team_activity as a "
        "join metrics.teams as t on a.team_id = t.team_id "
        "where a.period_days = 28 and a.seats >= 5 and a.active_users between 2 and a.seats - 2 "
        "order by a.period_end desc, a.seats desc, a.team_id limit 1",
        "metrics.team_activity",
        "metrics.teams",
    )
    assert found, "the sample world has no team of five seats or more"
    return found[0]


def _lead_path(lead, **more: object) -> str:
    chosen = {"viewer": "team_lead", "lead": lead["team_id"], "team": lead["team_id"], "period": 28}
    chosen |= {"end": lead["period_end"]} | more
    return "/team?" + "&".join(f"{name}={value}" for name, value in chosen.items())


def _body(page) -> str:
    return page.locator("[data-testid=stMain]").inner_text()


def _assert_healthy(page) -> None:
    assert page.locator("[data-testid=stException]").count() == 0
    assert "Traceback" not in _body(page)
    assert "could not be read" not in _body(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(
    ("viewer", "views"),
    [
        ("team_lead", EVERY_VIEW[:1]),
        pytest.param("team_lead", EVERY_VIEW[1:], marks=pytest.mark.long),
        *(pytest.param(viewer, VIEWS, marks=pytest.mark.long) for viewer in VIEWERS[1:]),
    ],
)
def test_every_page_opens_for_every_viewer_at_both_widths_and_themes(look, viewer, views):
    for name in PAGES:
        page = look(f"/{name}?viewer={viewer}")
        _assert_healthy(page)
        assert page.get_by_role("heading", level=1).inner_text().strip() == name.capitalize()
        keep_screenshots(page, f"{name}-{viewer}", views)
        page.close()


def test_the_team_page_shows_the_published_numbers_of_the_team(read, lead, rows):
    page = read(_lead_path(lead))
    body = _body(page)
    _assert_healthy(page)
    saved = rows(
        f"select * from metrics.team_time_saved where team_id = '{lead['team_id']}' and period_days = 28 "
        f"and period_end = date '{lead['period_end']}' and assumption_set = 'default'",
        "metrics.team_time_saved",
    )[0]
    assert f"{lead['active_users']}/{lead['seats']}" in body
    assert f"{lead['installed_skills']} installed" in body
    assert formats.hours(saved["hours_p50"]) in body
    assert f"{formats.hours(saved['hours_p10'])} to {formats.hours(saved['hours_p90'])}" in body
    assert "modelled" in body
    keep_screenshot(page, "team-numbers")


@pytest.fixture(scope="session")
def cohort(rows):
    """A month in which enough people joined a team."""
    found = rows(
        "select * from metrics.team_onboarding_summary where seats >= 5 and has_data "
        "order by seats desc, cohort_month desc, team_id limit 1",
        "metrics.team_onboarding_summary",
    )
    assert found, "the sample world has no month in which five people joined a team"
    return found[0]


def _unless_near_an_end(count: int, seats: int, text: str) -> str:
    return f"0–1 of {seats}" if count <= 1 else f"{seats - 1}–{seats} of {seats}" if count >= seats - 1 else text


def test_the_onboarding_page_shows_the_published_numbers_of_the_month(look, cohort):
    team, seats, month = cohort["team_id"], cohort["seats"], cohort["cohort_month"]
    page = look(f"/onboarding?viewer=team_lead&lead={team}&team={team}&joined={month}")
    _assert_healthy(page)
    share = "Not known yet" if cohort["adopted_by_7"] is None else formats.share(cohort["adopted_by_7"])
    by_7 = _unless_near_an_end(cohort["adopters_7"], seats, share)
    half = "Not reached" if cohort["median_days"] is None else f"day {cohort['median_days']}"
    half = "Hidden" if cohort["adopters"] <= 1 else half

    assert f"{seats} people joined in {month:%B %Y}" in _body(page)
    tiles = [page.locator(f".st-key-tile_onboarding_{number}").inner_text() for number in range(4)]
    assert by_7 in tiles[0]
    assert half in tiles[2]
    row = page.get_by_role("row").filter(has_text=f"{month:%b %Y}").first.inner_text().split("\t")
    counted = f"{by_7} ({cohort['adopters_7']}/{seats})" if by_7.endswith("%") else by_7
    assert [row[1], row[2], row[4]] == [str(seats), counted, half]
    keep_screenshot(page, "onboarding-numbers")


def test_a_team_without_a_month_of_five_joiners_is_hidden_with_the_reason(look, rows):
    small = rows(
        "select team_id from metrics.team_onboarding_summary group by team_id "
        "having max(case when has_data then seats else 0 end) between 1 and 4 order by 1 limit 1",
        "metrics.team_onboarding_summary",
    )
    assert small, "the sample world has no team that few people join"
    team = small[0]["team_id"]
    page = look(f"/onboarding?viewer=team_lead&lead={team}&team={team}")
    body = _body(page)
    assert "Hidden to protect people" in body
    assert "%" not in body


@pytest.fixture(scope="session")
def recommended(rows):
    """The newest 90 days of a team whose funnel is shown from the first step to the last."""
    steps = ("shown", "clicked", "installed", "activated", "retained", "holdout")
    found = rows(
        "select * from metrics.team_recommendations where period_days = 90 and surface = '*' and model = '*' "
        f"and seats >= 5 and installed_30 > 0 and {' and '.join(f'least_people_{step} > 1' for step in steps)} "
        "order by period_end desc, shown desc, team_id limit 1",
        "metrics.team_recommendations",
    )
    assert found, "the sample world has no team whose funnel is shown whole"
    return found[0]


def _recommendations_path(row, **more: object) -> str:
    chosen = {"viewer": "team_lead", "lead": row["team_id"], "team": row["team_id"], "period": row["period_days"]}
    chosen |= {"end": row["period_end"]} | more
    return "/recommendations?" + "&".join(f"{name}={value}" for name, value in chosen.items())


def test_the_recommendations_page_shows_the_published_funnel_and_lift(look, recommended):
    page = look(_recommendations_path(recommended))
    _assert_healthy(page)

    tiles = [page.locator(f".st-key-tile_recommendations_{number}").inner_text() for number in range(4)]
    for tile, (rate, count, base) in zip(
        (tiles[0], tiles[2], tiles[3]),
        (
            ("acceptance", "installed", "shown"),
            ("activation", "activated", "installed_14"),
            ("retention", "retained", "installed_30"),
        ),
        strict=True,
    ):
        assert formats.share(recommended[f"{rate}_rate"], 1) in tile
        assert f"{recommended[count]}/{recommended[base]}" in tile
        assert formats.interval(recommended[f"{rate}_low"], recommended[f"{rate}_high"]) in tile
    assert formats.points(recommended["lift"]) in tiles[1]
    assert f"{recommended['holdout_installed']}/{recommended['holdout_shown']}" in tiles[1]
    shown = rows_shown(page)
    for step in ("shown", "clicked", "installed", "activated", "retained"):
        row = next(
            cells for cells in shown if step.capitalize() in " ".join(cells) and "Reached" not in " ".join(cells)
        )
        assert row[1] == formats.count(recommended[step])
    [clicked] = (cells for cells in shown if any("Not clicked by day 7" in cell for cell in cells))
    assert clicked[4] == formats.count(recommended["shown"] - recommended["clicked"])
    keep_screenshots(page, "recommendations-numbers")


def test_acceptance_by_model_is_shown_where_no_model_points_at_one_person(look, recommended, rows):
    parts = rows(
        f"select * from metrics.team_recommendations where team_id = '{recommended['team_id']}' and period_days = 90 "
        f"and period_end = date '{recommended['period_end']}' and surface = '*' and model <> '*'",
        "metrics.team_recommendations",
    )
    is_hidden = any(row[f"least_people_{step}"] == 1 for row in parts for step in ("shown", "installed"))
    page = look(_recommendations_path(recommended))
    page.get_by_text(re.compile(r"All \d+ combinations as a table")).click()
    for part in parts:
        row = page.get_by_role("row").filter(has_text=re.compile(rf"^\s*All\s*{part['model'].capitalize()}")).first
        row.wait_for()
        assert row.inner_text().split("\t")[4] == ("Hidden" if is_hidden else formats.count(part["installed"]))


def test_nobody_but_a_teams_own_people_sees_its_recommendations(look, recommended, rows):
    [other] = rows(
        f"select team_id from metrics.teams where team_id <> '{recommended['team_id']}' order by seats desc, 1 limit 1",
        "metrics.teams",
    )
    for outsider in ({"lead": other["team_id"]}, {"viewer": "executive"}):
        page = look(_recommendations_path(recommended, **outsider))
        _assert_healthy(page)
        assert f"team={recommended['team_id']}" not in page.url or "You have no team here" in _body(page)
        assert f"{recommended['installed']}/{recommended['shown']}" not in _body(page)


def test_the_top_skill_and_its_users_are_on_the_team_page(look, lead, rows):
    page = look(_lead_path(lead))
    first = rows(
        f"select * from metrics.team_skill_usage where team_id = '{lead['team_id']}' and period_days = 28 "
        f"and period_end = date '{lead['period_end']}' and usage_rank = 1 order by skill_name",
        "metrics.team_skill_usage",
    )[0]
    page.get_by_text(re.compile(r"\d+ skills? as a table")).click()
    row = page.get_by_role("row").filter(has_text=first["skill_name"]).first
    row.wait_for()
    hides_one_person = first["users"] == 1 or first["seats"] - first["users"] == 1
    assert ("Hidden" if hides_one_person else str(first["users"])) in row.inner_text().split("\t")


@pytest.fixture(scope="session")
def skill(rows):
    """The newest 28-day row of a skill whose figures are shown in full, in a team, with its quality."""
    found = rows(
        "select q.*, u.* exclude (skill_name, definition_version, computed_at) from metrics.team_skill_usage as u "
        "join metrics.skill_quality as q on u.skill_name = q.skill_name "
        "where u.period_days = 28 and u.seats >= 5 and u.users between 2 and u.seats - 2 and q.tier is not null "
        "order by u.period_end desc, u.users desc, u.uses desc, u.team_id, u.skill_name limit 1",
        "metrics.team_skill_usage",
        "metrics.skill_quality",
    )
    assert found, "no skill of the sample world has enough people in a team and a tier"
    return found[0]


def _skill_path(skill, **more: object) -> str:
    team = skill["team_id"]
    chosen = {"viewer": "team_lead", "lead": team, "team": team, "skill": skill["skill_name"], "period": 28}
    chosen |= {"end": skill["period_end"]} | more
    return "/skill?" + "&".join(f"{name}={value}" for name, value in chosen.items())


def test_the_skill_page_shows_the_published_numbers_of_the_skill_in_the_team(read, skill):
    page = read(_skill_path(skill))
    _assert_healthy(page)
    people, uses, success = (page.locator(f".st-key-tile_skill_{number}").inner_text() for number in range(3))
    assert formats.share(skill["adoption_rate"]) in people
    assert f"{skill['users']}/{skill['seats']}" in people
    assert formats.count(skill["uses"]) in uses
    assert formats.share(skill["success_rate"], 1) in success
    assert f"{formats.count(skill['failures'])} failed" in success
    keep_screenshot(page, "skill-numbers")


def test_the_quality_of_a_skill_is_shown_with_its_seven_parts_and_why(read, skill):
    page = read(_skill_path(skill))
    body = _body(page)
    assert f"{skill['tier'].capitalize()}" in body
    assert f"{formats.decimal(skill['score'], 1)} of 100" in body
    assert f"{formats.share(skill['coverage'])} of the weight is known" in body
    shown = rows_shown(page)
    weights = {"usage": 20, "rating": 20, "maintenance": 15, "security": 15}
    weights |= {"documentation": 10, "compatibility": 10, "performance": 10}
    for name, weight in weights.items():
        score = skill[f"{name}_score"]
        row = next(cells for cells in shown if name.capitalize() in " ".join(cells))
        counted = "No data" if score is None else f"{formats.decimal(score, 1)} × {weight}{formats.THIN}%"
        assert row[1] == counted, name
        assert row[2], name


def test_the_retention_of_a_skill_is_the_sum_over_its_cohorts_hidden_ones_too(look, rows):
    # Of today's world one with a cohort that is hidden by itself, if any; not where all of them are one person's.
    found = rows(
        "select r.skill_name, u.team_id, u.period_end, r.weeks_later, sum(r.users) as users, "
        "sum(r.retained_users) as retained, bool_or(r.retained_users in (1, r.users - 1)) as has_hidden "
        "from metrics.skill_retention as r join metrics.team_skill_usage as u on r.skill_name = u.skill_name "
        "where r.users >= 5 and r.retained_users is not null and u.period_days = 28 and u.seats >= 5 "
        "group by r.skill_name, u.team_id, u.period_end, r.weeks_later "
        "having sum(r.retained_users) not in (1, sum(r.users) - 1) "
        "order by has_hidden desc, users desc, u.period_end desc, u.team_id, r.weeks_later limit 1",
        "metrics.skill_retention",
        "metrics.team_skill_usage",
    )
    assert found, "the sample world has no week in which five people began with a skill"
    told = found[0]
    page = look(_skill_path(told))
    shown = formats.share(told["retained"] / told["users"])
    charts = page.locator("[aria-label]").evaluate_all("all => all.map((one) => one.getAttribute('aria-label'))")
    assert any(f"week {told['weeks_later']} {shown} ({told['retained']}/{told['users']})" in text for text in charts)


@pytest.mark.long
def test_the_skill_in_the_address_survives_a_reload_and_an_unknown_one_is_not_asked_for(look, skill):
    page = look(_skill_path(skill, period=90, end=""))
    page.reload()
    settle(page)
    assert f"{skill['skill_name']} in" in _body(page)
    assert page.get_by_role("radio", name="90 days").or_(page.get_by_role("button", name="90 days")).first.is_visible()
    other = look(_skill_path(skill | {"skill_name": "nobody/nothing"}))
    assert "nobody/nothing" not in _body(other)
    _assert_healthy(other)


def test_time_saved_shows_its_assumptions_one_click_away(look, lead, rows):
    page = look(_lead_path(lead))
    grade = rows("select grade from metrics.assumptions where assumption_set = 'default'", "metrics.assumptions")[0]
    tile = page.locator(".st-key-tile_team_1")
    tile.get_by_text("Definition").click()
    popover = page.locator("[data-testid=stPopoverBody]").filter(has_text="Assumptions")
    popover.wait_for()
    assert grade["grade"] in popover.inner_text()
    assert "Every other skill" in popover.inner_text()


def test_every_tile_has_its_definition_one_click_away_and_says_until_when_it_has_data(look, lead):
    page = look(_lead_path(lead))
    for number in range(3):
        tile = page.locator(f".st-key-tile_team_{number}")
        assert "Data until" in tile.inner_text()
        assert tile.get_by_text("Definition").count() == 1
    page.locator(".st-key-tile_team_2").get_by_text("Definition").click()
    popover = page.locator("[data-testid=stPopoverBody]")
    popover.first.wait_for()
    assert "not published in this snapshot" not in popover.first.inner_text()
    assert "definition version" in popover.first.inner_text()


def test_the_executive_page_shows_arr_the_bridge_and_the_objectives(look, rows):
    page = look("/executive?viewer=executive")
    body = _body(page)
    _assert_healthy(page)
    newest = rows(
        "select * from metrics.mrr_bridge where segment = 'total' order by month desc limit 1", "metrics.mrr_bridge"
    )[0]
    assert formats.dollars(newest["arr_cents"]) in body
    assert formats.dollars(newest["closing_cents"]) in body
    assert formats.signed_dollars(newest["new_cents"]) in body
    for plan in rows("select * from metrics.arr_plan", "metrics.arr_plan"):
        assert formats.dollars(plan["planned_arr_cents"]) in body
    for slo in rows("select * from metrics.slo_status where account_id = '*'", "metrics.slo_status"):
        assert formats.share(slo["budget_left"]) in body
        assert formats.share(slo["sli"], 2) in body


def test_the_data_page_shows_health_ledger_and_checks(look, rows):
    page = look("/data?viewer=data_engineer")
    body = _body(page)
    _assert_healthy(page)
    listed = page.get_by_role("region").first.get_by_role("row").all_inner_texts()[1:]
    lines = [line.split("\t")[:2] for line in listed]
    health = rows("select table_name, badge from metrics.table_health", "metrics.table_health")
    assert sorted(table for _, table in lines) == sorted(row["table_name"] for row in health)
    worst_first = ["✖ Blocked", "○ Unknown", "▲ Warning", "✔ Checked"]
    assert [badge for badge, _ in lines] == sorted((badge for badge, _ in lines), key=worst_first.index)
    # Files that were read together share their time.
    newest = "select file_name from ops.import_ledger order by started_at desc, source, entity, file_name limit 20"
    for load in rows(newest, "ops.import_ledger"):
        assert load["file_name"] in body
    assert "Check results" in body


def test_a_lead_sees_no_money_and_no_operations(look, rows, lead):
    revenue = _body(look(f"/executive?viewer=team_lead&lead={lead['team_id']}"))
    newest = rows(
        "select * from metrics.mrr_bridge where segment = 'total' order by month desc limit 1", "metrics.mrr_bridge"
    )[0]
    assert formats.dollars(newest["arr_cents"]) not in revenue
    assert "Only executives can see this" in revenue
    assert "Only data engineers can see this" in _body(look(f"/data?viewer=team_lead&lead={lead['team_id']}"))


def test_an_engineer_sees_service_levels_and_no_money(look):
    body = _body(look("/executive?viewer=data_engineer"))
    assert "Only executives can see this" in body
    assert "Availability by component" in body


def test_the_selection_in_the_address_survives_a_reload(look, lead):
    page = look(_lead_path(lead, period=7))
    page.get_by_role("radio", name="90 days", exact=True).click()
    page.wait_for_url(re.compile(r"period=90"))
    settle(page)
    before = page.url
    page.reload()
    settle(page)
    assert "period=90" in page.url
    assert f"team={lead['team_id']}" in page.url
    assert page.url == before
    assert "vs the 90 days before" in _body(page) or "90 days" in _body(page)


def test_the_navigation_keeps_the_selection_and_the_back_button_leaves_a_page_in_two_steps(look, lead):
    page = look(_lead_path(lead, period=7))
    kept = [f"{name}={lead['team_id']}" for name in ("lead", "team")] + ["period=7", f"end={lead['period_end']}"]
    for title, path in (("Time saved", "time_saved"), ("Skill", "skill")):
        steps = page.evaluate("history.length")
        page.get_by_role("link", name=title, exact=True).first.click()
        page.wait_for_url(re.compile(rf"/{path}\?.*period=7"))
        settle(page)
        assert [part for part in kept if part not in page.url] == []
        # Streamlit's navigation drops the address, and it is written once.
        assert page.evaluate("history.length") == steps + 2
    for _ in range(2):
        page.go_back()
        settle(page)
    page.wait_for_url(re.compile(r"/time_saved"))
    assert page.get_by_role("heading", level=1).inner_text() == "Time saved"


def test_the_server_has_its_own_settings_wherever_it_is_started_from(look, lead):
    page = look(_lead_path(lead))
    text = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).color")
    # The theme's; without these settings a page would also show the trace of an error.
    assert text == "rgb(22, 32, 46)"


def test_an_address_that_names_what_is_not_there_says_so(look, lead):
    page = look(_lead_path(lead, team="nobody"))
    assert "Team: what the address asks for is not here;" in page.get_by_test_id("stToast").inner_text()
    assert f"team={lead['team_id']}" in page.url


def test_a_lead_of_one_team_who_asks_for_another_in_the_address_sees_nothing_of_it(look, lead, rows):
    other = rows(
        "select a.*, t.team_name from metrics.team_activity as a join metrics.teams as t on a.team_id = t.team_id "
        f"where a.team_id <> '{lead['team_id']}' and a.period_days = 28 "
        "order by a.period_end desc, a.seats desc limit 1",
        "metrics.team_activity",
        "metrics.teams",
    )[0]
    page = look(_lead_path(lead, team=other["team_id"]))
    _assert_healthy(page)
    content = page.content()
    assert other["team_name"] not in content or other["team_name"] == lead["team_name"]
    assert f"team={other['team_id']}" not in page.url
    assert f"team={lead['team_id']}" in page.url
    assert f"{lead['active_users']}/{lead['seats']}" in _body(page)


def test_a_team_of_fewer_than_five_is_hidden_with_the_reason(look, rows):
    small = rows(
        "select team_id, period_end from metrics.team_activity where period_days = 28 and seats < 5 "
        "order by period_end desc limit 1",
        "metrics.team_activity",
    )
    if not small:
        pytest.skip("the sample world has no team of fewer than five")
    page = look(_lead_path(small[0]))
    assert "Hidden to protect people" in _body(page)
    assert page.locator("[data-testid=stMetric]").count() == 0


def test_a_download_is_what_is_shown_with_its_snapshot(look, lead, reader, tmp_path):
    page = look(_lead_path(lead))
    page.get_by_text("Rows behind these figures").click()
    with page.expect_download() as waiting:
        page.get_by_role("button", name="Download CSV").click()
    snapshot = reader.snapshot()
    assert re.sub(r"[^A-Za-z0-9-]+", "_", snapshot.snapshot_id) in waiting.value.suggested_filename
    path = tmp_path / "download.csv"
    waiting.value.save_as(path)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 1
    assert int(float(rows[0]["active_users"])) == lead["active_users"]
    assert rows[0]["snapshot_id"] == snapshot.snapshot_id
    assert rows[0]["badge"] in ("green", "amber", "red", "grey")


def test_a_chart_is_taken_along_as_a_picture_that_says_what_it_is_of(look, lead, rows, tmp_path):
    page = look(_lead_path(lead))
    with page.expect_download() as waiting:
        page.locator("[class*='st-key-svg_skills_'] button:visible").click()
    assert waiting.value.suggested_filename.startswith(f"skills_{lead['team_id']}_{lead['period_end']}_")
    path = tmp_path / "skills.svg"
    waiting.value.save_as(path)
    texts = set(ElementTree.parse(path).getroot().itertext())
    used = rows(
        f"select skill_name from metrics.team_skill_usage where team_id = '{lead['team_id']}' and period_days = 28 "
        f"and period_end = date '{lead['period_end']}' order by usage_rank, skill_name limit 3",
        "metrics.team_skill_usage",
    )
    assert {row["skill_name"] for row in used} <= texts
    assert any("Period: 28 days" in text for text in texts)
    assert any(text.startswith("Data until ") for text in texts)


def test_figures_whose_equal_period_before_is_not_published_say_so(look, lead, rows):
    alone = rows(
        "select a.period_end from metrics.team_activity as a left join metrics.team_activity as b "
        "on a.team_id = b.team_id and a.period_days = b.period_days and b.period_end = a.period_end - 28 "
        f"where a.team_id = '{lead['team_id']}' and a.period_days = 28 and b.team_id is null "
        "and a.previous_adoption_rate is not null order by a.period_end desc limit 1",
        "metrics.team_activity",
    )
    assert alone, "every period of the sample world has the one before it"
    body = _body(look(_lead_path(lead, end=alone[0]["period_end"])))
    assert body.count("The equal period before is not published") >= 2
    for number in ("Active skills", "Time saved"):
        assert number in body


@pytest.mark.long
def test_a_refused_publish_greys_what_it_withheld_and_dates_the_last_good_value(
    look, browser, published_home, tmp_path
):
    home = tmp_path / "home"
    shutil.copytree(published_home, home, ignore=shutil.ignore_patterns("drop"))
    settings = load_settings(home=home, demo=True)
    reason = {"check_name": "bridge_closes", "table_name": "build.mrr_bridge", "reason": "a cent is missing"}
    snapshots.write_attempt(settings.published_folder, Attempt(datetime.now(UTC), "refused", [reason]))
    with open_reader(settings) as reader:
        last_good = formats.moment(reader.snapshot().as_of)
    with serving(home) as address:
        page = look("/executive?viewer=executive", address=address)
        assert "Publishing refused since" in _body(page)
        revenue, plan = (page.locator(f".st-key-tile_revenue_{number}") for number in (0, 2))
        assert "Blocked" in revenue.inner_text()
        assert f"Last good value, as of {last_good}" in revenue.inner_text()
        assert revenue.locator("[class*=st-key-blocked_]").evaluate("e => getComputedStyle(e).filter") == "grayscale(1)"
        assert plan.locator("[class*=st-key-blocked_]").count() == 0
        assert "Warning" in plan.inner_text()
        keep_screenshot(page, "executive-refused")


def test_a_browser_asks_nobody_but_this_server(browser, app):
    # A context of its own: what another page has loaded would not be asked for again.
    context = browser.new_context()
    page = context.new_page()
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for path in ("/team?viewer=team_lead", "/executive?viewer=executive"):
        page.goto(app + path)
        settle(page)
    icon = page.locator("link[rel~=icon]").evaluate("link => link.href")
    assert icon.startswith("data:image/svg+xml;base64,"), icon[:80]
    assert [address for address in asked if not address.startswith((app, "data:", "blob:"))] == []
    context.close()


def test_without_demo_and_sign_in_nothing_is_shown(browser, published_home, rows):
    with serving(published_home, demo=False) as address:
        page = browser.new_page()
        page.goto(f"{address}/team?viewer=team_lead")
        page.get_by_text("Sign-in is not configured").wait_for(timeout=60_000)
        keep_screenshot(page, "refused")
        content = page.content()
        for team in rows("select team_name from metrics.teams", "metrics.teams"):
            assert f">{team['team_name']}<" not in content
        page.close()


def test_before_the_first_publish_the_page_says_what_to_run(browser, tmp_path):
    with serving(tmp_path / "home") as address:
        page = browser.new_page()
        page.goto(address)
        page.get_by_text("Nothing is published yet").wait_for(timeout=60_000)
        # A page is written from the top; what stands below may come later.
        page.get_by_text("skillsmith-analytics refresh").first.wait_for(timeout=60_000)
        keep_screenshot(page, "not-published")
        page.close()
