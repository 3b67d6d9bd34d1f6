"""The suggestions kernel against numbers worked by hand, and against a plain reading of its definition."""

import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis import suggestions
from analysis.suggestions import MINIMUM_PEOPLE, NEIGHBOURS, OUTPUT, SUGGESTED, skill_suggestions
from tests.unit.analysis.suggestions_reading import COMPARED, Use, plain_reading
from warehouse.small_groups import MINIMUM_SEATS

FLAGS = ("was_accepted_before", "was_accepted_lately", "is_accepted", "is_used")


def adopters(rows: Iterable[Use]) -> pa.Table:
    """Rows (team, person, skill, flags as letters) of int_skill_adopters."""
    names = ("team_id", "actor_key", "skill_name", *FLAGS)
    listed = [(*row[:3], *(letter in row[3] for letter in "blnu")) for row in rows]
    columns = [list(column) for column in zip(*listed, strict=True)] or [[]] * len(names)
    kinds = [pa.string()] * 3 + [pa.bool_()] * 4
    return pa.table({name: pa.array(column, kind) for name, column, kind in zip(names, columns, kinds, strict=True)})


def teams(*names: str, seats: int = 9) -> pa.Table:
    kinds = {"account_id": pa.string(), "team_id": pa.string(), "seats": pa.int64()}
    rows = [{"account_id": f"account of {name}", "team_id": name, "seats": seats} for name in names]
    return pa.Table.from_pylist(rows, schema=pa.schema(kinds))


def installed(*rows: tuple[str, str]) -> pa.Table:
    return pa.table(
        {name: pa.array([row[at] for row in rows], pa.string()) for at, name in enumerate(("team_id", "skill_name"))}
    )


def suggested(rows: Iterable[Use], *names: str, there: Sequence[tuple[str, str]] = ()) -> list[dict[str, Any]]:
    return skill_suggestions(adopters(rows), teams(*names), installed(*there)).to_pylist()


def people(skill: str, numbers: Iterable[int], flags: str, team: str = "crowd") -> list[Use]:
    return [(team, f"p{number:02d}", skill, flags) for number in numbers]


# 30 people whose test the collaborative model wins: fifteen used `ann/old` and five of them `ann/new`; fifteen others
# use `bob/old`. Five of the first take up `ann/new` in the last 28 days; of ten more popular skills they have all.
def won() -> list[Use]:
    rows = people("ann/old", range(40, 55), "b") + people("ann/new", range(40, 45), "b")
    rows += people("ann/new", range(45, 50), "l")
    for number in range(SUGGESTED):
        rows += people(f"zoe/popular{number}", range(60, 80), "b")
    return rows


def test_seven_of_nine_people_who_use_lint_use_test_too() -> None:
    # test: 7 of the lint people and 9 others, so 16; nearness 7 / sqrt(9 x 16) = 7 / 12.
    rows = won() + people("ann/lint", range(9), "nu") + people("bob/test", [*range(7), *range(10, 19)], "nu")
    # Of the team's two active people one uses lint, the other something nobody else does.
    rows += [("t", "p00", "ann/lint", "nu"), ("t", "q", "dan/own", "nu")]

    (row,) = suggested(rows, "t")

    assert row["skill_name"] == "bob/test"
    assert row["score"] == pytest.approx(7 / 12 / 2, abs=1e-12)
    assert (row["reason"], row["reason_skill_name"]) == ("used by 7 of 9 people who also use ann/lint", "ann/lint")
    assert (row["people_using"], row["people_of"], row["rank"], row["model"]) == (7, 9, 1, "collaborative")
    assert (row["active_users"], row["seats"], row["account_id"]) == (2, 9, "account of t")


def test_five_people_who_took_up_what_their_likes_use_are_hit_and_popularity_hits_none() -> None:
    rows = won() + people("bob/test", range(5), "nu") + people("ann/lint", range(5), "nu")
    rows += [("t", "p00", "ann/lint", "nu")]

    (row,) = suggested(rows, "t")

    assert (row["hits_at_10"], row["popularity_hits_at_10"], row["tested_people"]) == (5, 0, 5)
    assert (row["hit_rate_at_10"], row["popularity_hit_rate_at_10"]) == (1.0, 0.0)


def test_where_popularity_hits_as_many_people_it_is_published_and_says_so() -> None:
    # The five take up the skill that is both the nearest and, but for their own, the most used.
    rows = people("ann/old", range(12), "bnu") + people("ann/new", range(6), "bnu")
    rows += people("ann/new", range(6, 11), "lnu")
    rows += [("t", "q", "dan/own", "nu")]

    by_rank = suggested(rows, "t")

    assert [row["skill_name"] for row in by_rank] == ["ann/old", "ann/new"]
    assert {row["model"] for row in by_rank} == {"popularity"}
    assert (by_rank[0]["hits_at_10"], by_rank[0]["popularity_hits_at_10"]) == (5, 5)
    # 13 people with q: 12 use the one, which leaves one alone, 11 the other.
    assert (by_rank[0]["reason"], by_rank[0]["people_using"]) == ("used by nearly all people", None)
    assert (by_rank[1]["reason"], by_rank[1]["people_of"]) == ("used by 11 of 13 people", 13)
    assert by_rank[1]["score"] == pytest.approx(11 / 13)
    assert by_rank[1]["reason_skill_name"] is None


def test_what_too_few_use_to_be_suggested_is_no_hit_of_popularity() -> None:
    # Of what anybody had before only `ann/old` is used by enough people; the five take up what nobody had.
    rows = people("ann/old", range(12), "bnu") + people("eve/rare", range(5), "lnu")
    rows += [("t", "q", "dan/own", "nu")]

    first = suggested(rows, "t")[0]

    assert (first["hits_at_10"], first["popularity_hits_at_10"], first["tested_people"]) == (0, 0, 5)


def test_what_everybody_uses_is_said_to_be_used_by_all() -> None:
    # In other teams: in their own the one of six people has done something else.
    rows = [*people("ann/old", range(6), "bnu"), ("t", "p00", "dan/own", "nu")]

    (row,) = suggested(rows, "t")

    assert (row["reason"], row["people_using"], row["people_of"]) == ("used by 6 of 6 people", 6, 6)


def test_four_tested_people_are_too_few_to_be_spoken_of() -> None:
    rows = people("ann/old", range(12), "bnu") + people("ann/new", range(6), "bnu")
    rows += [*people("ann/new", range(6, 10), "lnu"), ("t", "q", "dan/own", "nu")]

    first = suggested(rows, "t")[0]

    assert first["model"] == "popularity"
    measured = ("hit_rate_at_10", "popularity_hit_rate_at_10", "hits_at_10", "popularity_hits_at_10", "tested_people")
    assert {first[name] for name in measured} == {None}


def test_what_somebody_had_before_is_not_taken_up_and_who_had_nothing_is_not_tested() -> None:
    rows = won() + people("ann/new", range(40, 45), "l") + people("ann/new", range(90, 99), "l")
    rows += people("bob/test", range(5), "nu") + people("ann/lint", range(5), "nu") + [("t", "p00", "ann/lint", "nu")]

    (row,) = suggested(rows, "t")

    assert (row["hits_at_10"], row["tested_people"]) == (5, 5)


def test_nothing_is_suggested_that_the_team_used_in_any_way_or_has_installed() -> None:
    rows = won()
    for skill in ("bob/test", "cat/docs", "dan/plan"):
        rows += people(skill, range(6), "nu")
    rows += [*people("ann/lint", range(6), "nu"), ("t", "p00", "ann/lint", "nu")]
    # Somebody of the team tried one without success.
    rows += [("t", "q", "bob/test", "u")]

    rest = suggested(rows, "t", there=[("t", "dan/plan"), ("other", "cat/docs"), ("t", "not/there")])

    assert [row["skill_name"] for row in rest] == ["cat/docs"]


def test_two_skills_that_four_people_share_are_no_reason() -> None:
    rows = won() + people("ann/lint", range(9), "nu") + people("bob/test", [*range(4), *range(10, 19)], "nu")
    rows += [("t", "p00", "ann/lint", "nu")]

    assert suggested(rows, "t") == []


def test_where_all_but_one_use_it_another_skill_is_the_reason() -> None:
    # test is used by 8 of the 9 who use lint, and by 6 of the 8 who use docs, who are further from it.
    rows = won() + people("ann/lint", range(9), "nu") + people("bob/test", range(8), "nu")
    rows += people("cat/docs", [*range(6), 20, 21], "nu")
    team = [("t", "p00", "ann/lint", "nu"), ("t", "p00", "cat/docs", "nu")]

    assert [row["reason"] for row in suggested(rows + team, "t")] == ["used by 6 of 8 people who also use cat/docs"]
    (only,) = suggested([*rows, team[0], ("t", "p00", "cat/docs", "u")], "t")
    assert (only["skill_name"], only["people_using"], only["people_of"]) == ("bob/test", None, None)
    assert only["reason"] == "used by nearly all people who also use ann/lint"


def test_equal_scores_stand_by_name_and_there_are_ten_at_most() -> None:
    rows = won() + people("ann/lint", range(6), "nu") + [("t", "p00", "ann/lint", "nu")]
    for letter in "lkjihgfedcba":
        rows += people(f"{letter}/skill", range(6), "nu")

    ranked = suggested(rows, "t")

    assert [row["skill_name"] for row in ranked] == [f"{letter}/skill" for letter in "abcdefghij"]
    assert [row["rank"] for row in ranked] == list(range(1, 11))


def test_a_person_in_two_teams_is_one_person_and_weighs_in_both() -> None:
    rows = won() + people("ann/lint", range(5), "nu") + people("bob/test", range(5), "nu")
    rows += [(team, "p00", "ann/lint", "nu") for team in ("t", "u")] + [("u", "q", "dan/own", "nu")]

    by_team = {row["team_id"]: row for row in suggested(rows, "t", "u")}

    # All five who use the one use the other: 5 / sqrt(5 x 5) = 1, in u by one of two people.
    assert by_team["t"]["score"] == pytest.approx(1.0)
    assert by_team["u"]["score"] == pytest.approx(0.5)
    assert by_team["t"]["reason"] == "used by 5 of 5 people who also use ann/lint"


def test_a_person_of_more_than_two_hundred_skills_is_left_out_and_counted() -> None:
    rows = won() + people("ann/lint", range(5), "nu") + people("bob/test", range(5), "nu")
    rows += [("t", "p00", "ann/lint", "nu")]
    rows += [("t", "machine", f"x/{number}", "nu") for number in range(201)]
    (row,) = suggested(rows, "t")
    assert (row["people_left_out"], row["active_users"]) == (1, 1)

    (row,) = suggested(rows[:-1], "t")
    assert (row["people_left_out"], row["active_users"]) == (0, 2)


def test_a_team_in_which_nobody_accepted_a_skill_has_no_row() -> None:
    rows = won() + people("ann/lint", range(9), "nu") + [("idle", "z", "ann/lint", "u")]

    assert suggested(rows, "idle") == []


def test_nothing_used_is_no_row_with_the_columns_in_place() -> None:
    assert skill_suggestions(adopters([]), teams(), installed()).schema == OUTPUT
    assert skill_suggestions(adopters([]), teams("t"), installed()).num_rows == 0
    assert skill_suggestions(adopters([("t", "p", "a/b", "")]), teams("t"), installed()).num_rows == 0


def test_a_small_group_is_what_it_is_everywhere() -> None:
    assert MINIMUM_PEOPLE == MINIMUM_SEATS


def world(seed: int) -> tuple[list[Use], list[tuple[str, str]]]:
    """A hundred people of three teams, some in two, each team with a taste, and ten in two others."""
    dice = random.Random(seed)
    tastes = [[f"{letter}/{number}" for number in range(8)] for letter in "abcd"]
    everywhere = [skill for taste in tastes for skill in taste]
    rows = {}
    for number in range(100):
        members_of = dice.sample("tuv", dice.choice([1, 1, 1, 2]))
        taste = tastes["tuv".index(members_of[0])] if dice.random() < 0.8 else dice.choice(tastes)
        chosen = [*dice.sample(taste, dice.randrange(2, 8)), *dice.sample(everywhere, dice.randrange(3))]
        for team in members_of:
            for skill in chosen:
                flags = dice.choice(["b", "bnu", "bnu", "bnu", "lnu", "blnu", "nu", "u", ""])
                key = (team, f"p{number}", skill)
                rows[key] = (*key, flags)
    for number in range(100, 110):
        for skill in dice.sample(dice.choice(tastes), 2):
            key = ("wx"[number % 2], f"p{number}", skill)
            rows[key] = (*key, dice.choice(["bnu", "nu"]))
    there = [(team, dice.choice(everywhere)) for team in "tuvwx"]
    return list(rows.values()), there


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**9), st.sampled_from([50, 2_000_000]))
def test_any_world_gives_what_the_definition_says_in_blocks_of_any_size(seed: int, at_once: int) -> None:
    rows, there = world(seed)
    before = suggestions._AT_ONCE
    suggestions._AT_ONCE = at_once
    try:
        found = suggested(rows, *"tuvwx", there=there)
    finally:
        suggestions._AT_ONCE = before

    expected = plain_reading(rows, "tuvwx", there)
    assert [{name: row[name] for name in row if name in COMPARED} for row in found] == expected


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**9), st.randoms(use_true_random=False))
def test_the_order_in_which_rows_come_changes_no_digit(seed: int, dice: random.Random) -> None:
    rows, there = world(seed)
    shuffled = dice.sample(rows, len(rows))

    assert suggested(shuffled, *"xwvut", there=there[::-1]) == suggested(rows, *"tuvwx", there=there)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**9))
def test_no_reason_speaks_of_fewer_than_five_people_or_of_all_but_one(seed: int) -> None:
    rows, there = world(seed)
    for row in suggested(rows, *"tuvwx", there=there):
        if row["people_using"] is None:
            who = row["reason_skill_name"]
            assert row["reason"] == "used by nearly all people" + (f" who also use {who}" if who else "")
        else:
            assert row["people_of"] >= row["people_using"] >= 5
            assert row["people_of"] - row["people_using"] != 1


def test_only_the_fifty_nearest_of_a_skill_count() -> None:
    # 51 skills beside lint, all of the same six people; the last of them by name is the one too many.
    rows = won() + people("ann/lint", range(6), "nu") + [("t", "p00", "ann/lint", "nu")]
    rows += [row for number in range(NEIGHBOURS + 1) for row in people(f"x/{number:02d}", range(6), "nu")]
    known = [("t", f"x/{number:02d}") for number in range(NEIGHBOURS - 1)]

    assert [row["skill_name"] for row in suggested(rows, "t", there=known)] == [f"x/{NEIGHBOURS - 1:02d}"]


def test_of_more_than_fifty_the_one_that_is_left_out_is_the_furthest() -> None:
    # Of forty people who use lint six use each of the others, but five the first of them by name: 5 / sqrt(40 x 5)
    # is less than 6 / sqrt(40 x 6).
    rows = won() + people("ann/lint", range(40), "nu") + [("t", "p00", "ann/lint", "nu")]
    for number in range(NEIGHBOURS + 1):
        rows += people(f"x/{number:02d}", range(6 if number else 5), "nu")
    known = [("t", f"x/{number:02d}") for number in range(1, NEIGHBOURS)]

    assert [row["skill_name"] for row in suggested(rows, "t", there=known)] == [f"x/{NEIGHBOURS:02d}"]


def test_blocks_hold_whole_groups_and_no_more_than_they_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggestions, "_AT_ONCE", 10)
    group, cost = np.array([1, 1, 2, 3, 3, 3, 7]), np.array([4, 4, 2, 9, 9, 9, 1])

    blocks = list(suggestions._blocks(group, cost))

    # 4 + 4 + 2 fit; the three nines are one group, which alone is too much; then there is the rest.
    assert blocks == [slice(0, 3), slice(3, 6), slice(6, 7)]
