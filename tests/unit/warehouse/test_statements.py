"""SQL text that both engines share."""

import itertools

import duckdb
import pytest

from warehouse.statements import (
    column_list,
    is_newer,
    named_parameters,
    question_marks,
    quoted,
    quoted_table,
    renamed_tables,
    same_key,
)


def test_a_name_is_an_identifier_whatever_stands_in_it() -> None:
    assert quoted('say "hi"; drop') == '"say ""hi""; drop"'
    assert quoted_table("raw.order") == '"raw"."order"'
    assert quoted_table("bare") == '"bare"'
    assert column_list(["a", "order"]) == '"a", "order"'
    assert column_list(["a", "order"], "m") == 'm."a", m."order"'
    assert column_list([]) == ""


@pytest.mark.parametrize(
    ("left", "right", "is_same"),
    [
        ((1, "a"), (1, "a"), True),
        ((1, None), (1, None), True),
        ((1, None), (1, "a"), False),
        ((1, "a"), (2, "a"), False),
    ],
)
def test_missing_parts_of_a_key_are_the_same_part(left: tuple, right: tuple, is_same: bool) -> None:
    assert holds(same_key(["x", "y"], "l", "r"), left, right) is is_same


# In rising order: a missing part is below every value, and the first part decides.
VERSIONS = [(None, None), (None, "a"), (1, None), (1, "a"), (1, "b"), (2, None), (2, "a")]


@pytest.mark.parametrize(("left", "right"), list(itertools.product(range(len(VERSIONS)), repeat=2)))
def test_a_version_is_newer_than_every_one_before_it_and_no_other(left: int, right: int) -> None:
    assert holds(is_newer(["x", "y"], "l", "r"), VERSIONS[left], VERSIONS[right]) is (left > right)


def test_a_text_is_compared_by_the_collation_that_is_asked_for() -> None:
    # By their bytes capitals come first, in a locale's order they do not.
    left, right = (1, "B.ndjson"), (1, "a.ndjson")
    assert holds(is_newer(["x", "y"], "l", "r"), left, right) is False
    assert holds(is_newer(["x", "y"], "l", "r", {"y": "NOCASE"}), left, right) is True


def test_without_version_columns_nothing_is_newer() -> None:
    assert is_newer([], "l", "r") == "false"


def holds(condition: str, left: tuple, right: tuple) -> bool:
    """What an engine says of a condition over a row `l` and a row `r`; NULL is an answer of its own."""
    rows = "select cast(? as integer) as x, cast(? as varchar) as y"
    with duckdb.connect() as engine:
        [(found,)] = engine.execute(f"select {condition} from ({rows}) as l, ({rows}) as r", [*left, *right]).fetchall()
    return found


@pytest.mark.parametrize(
    ("statement", "as_psycopg_reads_it"),
    [
        ("select ? where a = ?", "select %s where a = %s"),
        ("select '?' , \"?\" -- ?\n, ?", "select '?' , \"?\" -- ?\n, %s"),
        ("select 'it''s ?', ?", "select 'it''s ?', %s"),
        ("select 10 % 3, 'a%', \"b%\" -- 5%\n", "select 10 %% 3, 'a%%', \"b%%\" -- 5%%\n"),
        ("select 1", "select 1"),
    ],
)
def test_question_marks_are_placeholders_only_outside_of_text(statement: str, as_psycopg_reads_it: str) -> None:
    assert question_marks(statement) == as_psycopg_reads_it


@pytest.mark.parametrize(
    ("statement", "as_psycopg_reads_it", "names"),
    [
        ("a = $team and b = $team or c = $since", "a = %(team)s and b = %(team)s or c = %(since)s", {"team", "since"}),
        (
            "a = '$no' and \"$no\" = 1 -- $no\n and b = $yes",
            "a = '$no' and \"$no\" = 1 -- $no\n and b = %(yes)s",
            {"yes"},
        ),
        ("a like 'x%' and b % 2 = $n", "a like 'x%%' and b %% 2 = %(n)s", {"n"}),
        ("a = 'it''s $no' and b = $x::date", "a = 'it''s $no' and b = %(x)s::date", {"x"}),
        ("a = $1", "a = $1", set()),
    ],
)
def test_named_parameters_are_found_only_outside_of_text(
    statement: str, as_psycopg_reads_it: str, names: set[str]
) -> None:
    assert named_parameters(statement) == (as_psycopg_reads_it, frozenset(names))


PLACES = {"metrics.teams": "room.t1", "metrics.team": "room.t2"}


@pytest.mark.parametrize(
    ("statement", "led"),
    [
        ("select * from metrics.teams, metrics.team", "select * from room.t1, room.t2"),
        ("select * from METRICS.Teams", "select * from room.t1"),
        ("select * from metrics.teams_of_old", "select * from metrics.teams_of_old"),
        ("select * from my.metrics.teams", "select * from my.metrics.teams"),
        ("select 'metrics.teams' -- metrics.teams", "select 'metrics.teams' -- metrics.teams"),
        ('select "metrics.teams" from metrics.team', 'select "metrics.teams" from room.t2'),
        ("select metrics.teams.seats", "select room.t1.seats"),
    ],
)  # fmt: skip
def test_tables_are_led_to_their_places_and_text_stays(statement: str, led: str) -> None:
    assert renamed_tables(statement, PLACES) == led


def test_without_places_a_statement_stays() -> None:
    assert renamed_tables("select * from metrics.teams", {}) == "select * from metrics.teams"
