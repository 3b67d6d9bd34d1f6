"""The rows behind the tiles: they are the published ones, and where counts add up they add up to the tile."""

import csv
import re

import pytest

from dashboards.components import formats
from tests.browser.conftest import keep_screenshots, rows_shown, settle
from warehouse.access import Role, Viewer

pytestmark = pytest.mark.browser

STEPS = ("shown", "clicked", "installed", "activated", "retained")


def _body(page) -> str:
    return page.locator("[data-testid=stMain]").inner_text()


def _path(page: str, row, **more: object) -> str:
    chosen = {"viewer": "team_lead", "lead": row["team_id"], "team": row["team_id"], "period": row["period_days"]}
    chosen |= {"end": row["period_end"]} | more
    return f"/{page}?" + "&".join(f"{name}={value}" for name, value in chosen.items())


def _opened(page):
    """The rows behind the tiles of a page, unfolded."""
    page.get_by_text("Rows behind these figures").click()
    part = page.locator("[class*='st-key-behind_']").first
    part.get_by_text("The figures themselves").wait_for()
    settle(page)
    return part


def _number(text: str) -> int:
    return int(text.replace(",", ""))


@pytest.fixture(scope="session")
def lead(rows) -> Viewer:
    """Who sees every team as its lead does: small groups are hidden."""
    teams = frozenset(row["team_id"] for row in rows("select team_id from metrics.teams", "metrics.teams"))
    return Viewer("lead of all teams", Role.TEAM_LEAD, team_ids=teams)


@pytest.fixture(scope="session")
def whole(reader, lead):
    """A team and a period of which no skill's uses are hidden, with the most skills."""
    found = reader.query(
        "select a.* from metrics.team_activity as a join (select team_id, period_end, period_days, count(*) as skills, "
        "count(uses) as told from metrics.team_skill_usage where uses is null or uses > 0 group by 1, 2, 3) as s "
        "using (team_id, period_end, period_days) where a.uses > 0 and s.told = s.skills "
        "order by s.skills desc, a.period_days desc, a.period_end desc, a.team_id limit 1",
        lead,
        ["metrics.team_activity", "metrics.team_skill_usage"],
    ).to_pylist()
    assert found, "the sample world has no team whose uses are all shown"
    return found[0]


def test_uses_by_skill_add_up_to_the_teams_and_active_skills_are_its_ranked_rows(look, whole, rows, tmp_path):
    page = look(_path("team", whole))
    part = _opened(page)
    skills = [cells for cells in rows_shown(part) if len(cells) == 7 and cells[0] != "Rank"]
    assert sum(_number(cells[3]) for cells in skills) == whole["uses"]
    assert sum(_number(cells[4]) for cells in skills) == whole["successes"]
    assert sum(cells[0].strip() != "" for cells in skills) == whole["active_skills"]
    assert f"The rows add up to {formats.count(whole['uses'])} uses." in part.inner_text()
    installed = [cells for cells in rows_shown(part) if len(cells) == 3 and cells[0] != "Skill"]
    assert len(installed) == whole["installed_skills"]
    assert "rows of persons are shown to nobody but that person" in part.inner_text()
    with page.expect_download() as waiting:
        part.get_by_role("button", name="CSV", exact=True).first.click()
    path = tmp_path / "skills.csv"
    waiting.value.save_as(path)
    with path.open(newline="") as file:
        taken = list(csv.DictReader(file))
    assert sum(int(row["uses"]) for row in taken) == whole["uses"]
    keep_screenshots(page, "team-behind")


def test_the_weeks_of_a_skill_add_up_to_its_uses(look, reader, lead):
    found = reader.query(
        "select u.* from metrics.team_skill_usage as u join (select w.team_id, w.skill_name, e.period_end, "
        "count(w.uses) as weeks from metrics.team_skill_usage as w join (select distinct team_id, period_end from "
        "metrics.team_activity where period_days = 28 and is_covered and extract(isodow from period_end) = 7) as e "
        "on e.team_id = w.team_id and w.period_end <= e.period_end and w.period_end > e.period_end - 28 "
        "where w.period_days = 7 and extract(isodow from w.period_end) = 7 group by 1, 2, 3) as s "
        "using (team_id, skill_name, period_end) where u.period_days = 28 and u.uses is not null and s.weeks = 4 "
        "order by u.uses desc, u.team_id, u.skill_name limit 1",
        lead,
        ["metrics.team_skill_usage", "metrics.team_activity"],
    ).to_pylist()
    assert found, "the sample world has no skill that is used in four weeks"
    row = found[0]
    part = _opened(look(_path("skill", row, skill=row["skill_name"])))
    weeks = [cells for cells in rows_shown(part) if len(cells) == 7][1:5]
    assert sum(_number(cells[3]) for cells in weeks) == row["uses"]
    assert f"The rows add up to {formats.count(row['uses'])} uses." in part.inner_text()


def test_the_funnel_by_surface_adds_up_to_the_tiles(look, reader, lead):
    every = ", ".join(f"count({step}) as {step}_told" for step in STEPS)
    all_told = " and ".join(f"s.{step}_told = s.surfaces" for step in STEPS)
    found = reader.query(
        f"select r.* from metrics.team_recommendations as r join (select team_id, period_end, period_days, "
        f"count(*) as surfaces, {every} from metrics.team_recommendations where surface <> '*' and model = '*' "
        f"group by 1, 2, 3) as s using (team_id, period_end, period_days) where r.surface = '*' and r.model = '*' "
        f"and r.installed > 0 and {all_told} order by r.shown desc, r.period_end desc, r.team_id limit 1",
        lead,
        ["metrics.team_recommendations"],
    ).to_pylist()
    assert found, "the sample world has no funnel that is shown by surface"
    total = found[0]
    part = _opened(look(_path("recommendations", total)))
    head, *others = rows_shown(part)
    surfaces = others[: next(place for place, cells in enumerate(others) if cells[0] == "Model")]
    for step in STEPS:
        column = head.index(step.capitalize())
        assert sum(_number(cells[column]) for cells in surfaces) == total[step]
        assert f"{formats.count(total[step])} {step}" in part.inner_text()


def test_every_published_row_adds_up_to_the_figure_above_it(rows):
    of_skills = (
        "select a.team_id from metrics.team_activity as a left join (select team_id, "
        "period_end, period_days, sum(uses) as uses, sum(successes) as successes, count(usage_rank) as ranked "
        "from metrics.team_skill_usage group by 1, 2, 3) as s using (team_id, period_end, period_days) "
        "where a.has_data and (a.uses <> coalesce(s.uses, 0) or a.successes <> coalesce(s.successes, 0) "
        "or a.active_skills <> coalesce(s.ranked, 0))"
    )
    assert rows(of_skills, "metrics.team_activity", "metrics.team_skill_usage") == []
    counts = (*STEPS, "censored", "installed_14", "installed_30")
    for by in ("surface <> '*' and model = '*'", "surface = '*' and model <> '*'", "surface <> '*' and model <> '*'"):
        differ = " or ".join(f"r.{count} <> coalesce(s.{count}, 0)" for count in counts)
        sums = ", ".join(f"sum({count}) as {count}" for count in counts)
        of_parts = (
            "select r.team_id from metrics.team_recommendations as r left join (select team_id, period_end, "
            f"period_days, {sums} from metrics.team_recommendations "
            f"where {by} group by 1, 2, 3) as s using (team_id, period_end, period_days) "
            f"where r.surface = '*' and r.model = '*' and ({differ})"
        )
        assert rows(of_parts, "metrics.team_recommendations") == []


@pytest.fixture(scope="session")
def shown(reader, lead):
    """Of each page a team and period of which its lead sees the tiles."""
    activity = reader.query(
        "select a.* from metrics.team_activity as a join metrics.team_time_saved as s "
        "using (team_id, period_end, period_days) join metrics.team_recommendations as r "
        "using (team_id, period_end, period_days) where r.surface = '*' and r.model = '*' and r.shown is not null "
        "and s.assumption_set = 'default' and s.hours_p50 is not null and a.uses is not null "
        "order by a.period_end desc, a.period_days, a.team_id limit 1",
        lead,
        ["metrics.team_activity", "metrics.team_time_saved", "metrics.team_recommendations"],
    ).to_pylist()
    joined = reader.query(
        "select team_id, cohort_month from metrics.team_onboarding_summary where has_data and seats >= 5 limit 1",
        lead,
        ["metrics.team_onboarding_summary"],
    ).to_pylist()
    assert activity, "the sample world has no team of which every page has tiles"
    assert joined, "the sample world has no month in which five people joined a team"
    of_skill = {name: activity[0][name] for name in ("team_id", "period_end", "period_days")}
    [used] = reader.query(
        "select skill_name from metrics.team_skill_usage where team_id = $team_id and period_end = $period_end "
        "and period_days = $period_days and usage_rank = 1 order by skill_name limit 1",
        lead,
        ["metrics.team_skill_usage"],
        of_skill,
    ).to_pylist()
    return dict.fromkeys(("team", "recommendations", "time_saved"), (activity[0], {})) | {
        "skill": (activity[0], {"skill": used["skill_name"]}),
        "onboarding": (activity[0] | {"team_id": joined[0]["team_id"]}, {}),
    }


@pytest.mark.parametrize("page", ["team", "skill", "recommendations", "time_saved", "onboarding"])
def test_each_row_of_tiles_has_the_rows_behind_it_and_no_person_in_them(read, shown, rows, page):
    row, more = shown[page]
    opened = read(_path(page, row, **more))
    assert opened.locator("[class*='st-key-tile_']").count() >= 3
    assert opened.get_by_text("Rows behind these figures").count() == 1
    people = rows("select actor_key from marts.dim_team_members", "marts.dim_team_members")
    written = opened.content()
    assert not any(row["actor_key"] in written for row in people)


def test_a_members_own_days_add_up_to_their_tiles(look, rows):
    [member] = rows(
        "select m.team_id, w.* from marts.dim_team_members as m join marts.fct_person_windows as w using (actor_key) "
        "join metrics.teams as t on t.team_id = m.team_id where m.left_at is null and w.period_days = 28 "
        "and w.skill_name = '*' order by w.active_days desc, w.uses desc, w.actor_key limit 1",
        "marts.dim_team_members",
        "marts.fct_person_windows",
        "metrics.teams",
    )
    page = look(f"/my_usage?viewer=member&member={member['team_id']}&period=28")
    for number in range(4):
        tile = page.locator(f".st-key-tile_my_usage_{number}")
        assert "Provisional" in tile.inner_text()
        assert "Data until" in tile.inner_text()
        assert tile.get_by_text("Definition").count() == 1
    page.locator(".st-key-tile_my_usage_2").get_by_text("Definition").click()
    told = page.locator("[data-testid=stPopoverBody]")
    told.first.wait_for()
    assert "whatever came of them" in told.first.inner_text()
    page.keyboard.press("Escape")
    days = [cells for cells in rows_shown(_opened(page)) if re.fullmatch(r"\d+ \w{3} \d{4}", cells[0])]
    assert sum(_number(cells[2]) for cells in days) == member["uses"]
    assert sum(_number(cells[3]) for cells in days) == member["successes"]
    assert len({cells[0] for cells in days if cells[3] != "0"}) == member["active_days"]
