"""The sections on skills that go together: what they say of the model, of hidden rows and of nothing."""

from datetime import date

import pytest
from streamlit.testing.v1 import AppTest

from dashboards import data
from dashboards.components import formats, suggestions

ROW = {
    "rank": 1,
    "skill_name": "bob/test",
    "reason": "used by 7 of 9 people who also use ann/lint",
    "model": "collaborative",
    "tested_people": 40,
    "hits_at_10": 20,
    "popularity_hits_at_10": 12,
    "hit_rate_at_10": 0.5,
    "popularity_hit_rate_at_10": 0.3,
}
PAIR = {
    "related_skill_name": "bob/test",
    "share_of_sessions": 0.64,
    "sessions_of_this": 8,
    "sessions_together": 5,
    "people": 5,
    "support": 0.5,
    "lift": 1.31,
    "lift_low": 1.12,
    "lift_high": 1.44,
    "sessions": 10,
    "sessions_left_out": 3,
    "period_end": date(2026, 5, 31),
    "period_days": 90,
}


def _section(which: str) -> None:
    from dashboards.components import suggestions
    from dashboards.components.definitions import Trust
    from dashboards.viewers import Looking
    from tests.unit.published import SNAPSHOT
    from warehouse.access import Role, Viewer

    lead = Viewer("lead", Role.TEAM_LEAD, frozenset({"a1"}), frozenset({"t1"}))
    trust = Trust(definitions={}, health={}, snapshot=SNAPSHOT)
    getattr(suggestions, which)(Looking(lead, "Team lead", is_demo=True), trust, "it")


def _shown(monkeypatch: pytest.MonkeyPatch, which: str, rows: tuple[data.Row, ...]) -> str:
    monkeypatch.setattr(data, "query", lambda *_, **__: rows)
    app = AppTest.from_function(_section, args=(which,)).run()
    assert not app.exception
    shown = [*app.subheader, *app.info, *app.markdown, *app.caption, *app.get("html")]
    return " ".join(str(getattr(each, "value", None) or each.proto.body) for each in shown)


def test_suggestions_say_why_by_which_model_and_how_both_did(monkeypatch):
    said = _shown(monkeypatch, "skills_to_try", (ROW,))
    assert "Skills to try" in said
    assert "Used by 7 of 9 people who also use ann/lint" in said
    assert "**Collaborative**" in said
    assert f"**20/40 (50{formats.THIN}%)** by the collaborative model" in said
    assert f"**12/40 (30{formats.THIN}%)** by popularity" in said


def test_where_popularity_did_as_well_the_caption_says_that_it_is_published():
    said = suggestions.how_good({**ROW, "model": "popularity", "hits_at_10": 12, "hit_rate_at_10": 0.3})
    assert said.startswith("**By popularity**")
    assert "did no better" in said
    assert f"**12/40 (30{formats.THIN}%)** by the collaborative model" in said


def test_where_nobody_could_be_tested_no_rate_is_made_up():
    said = suggestions.how_good({**ROW, "model": "popularity", "tested_people": None})
    assert "Too few people" in said
    assert "%" not in said


def test_a_small_team_reads_why_it_sees_nothing(monkeypatch):
    hidden = dict.fromkeys(ROW) | {"skill_name": "bob/test", "is_suppressed": True}
    said = _shown(monkeypatch, "skills_to_try", (hidden,))
    assert "Hidden to protect people" in said
    assert "bob/test" not in said


@pytest.mark.parametrize(
    ("which", "words"),
    [("skills_to_try", "Nothing to suggest yet"), ("used_together", "No skill is known to go with it")],
)
def test_nothing_to_show_says_when_there_will_be(monkeypatch, which, words):
    assert words in _shown(monkeypatch, which, ())


def test_related_skills_say_how_often_and_of_how_many(monkeypatch):
    said = _shown(monkeypatch, "used_together", (PAIR,))
    assert f"64{formats.THIN}% (5/8)" in said
    assert f"1.3{formats.THIN}× (1.1–1.4)" in said
    assert "Of the 8 sessions with this skill, in all teams, in the 90 days to 31 May 2026" in said
    assert "3 sessions of more than 50 skills are left out" in said
    assert "the CSV has them all" not in said
    one = _shown(monkeypatch, "used_together", ({**PAIR, "sessions_left_out": 1},))
    assert "1 session of more than 50 skills is left out" in one


def test_a_list_of_related_skills_that_ends_before_the_last_says_so(monkeypatch):
    rows = tuple({**PAIR, "related_skill_name": f"bob/{number:02}"} for number in range(57))
    said = _shown(monkeypatch, "used_together", rows)
    assert "The 20 of 57 skills with the highest lift; the CSV has them all." in said
    assert "bob/19" in said
    assert "bob/20" not in said
    assert "the CSV has them all" not in _shown(monkeypatch, "used_together", rows[:20])
