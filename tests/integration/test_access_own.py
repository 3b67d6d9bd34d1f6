"""Person-level rows on both engines: everybody's own, and nobody else's, by whatever statement and in whatever role."""

import pytest

from warehouse.access import OPERATOR, Role, Viewer
from warehouse.errors import AccessError, SkillsmithError
from warehouse.published import PEOPLE

MEMBER = Viewer("one@acme", Role.MEMBER, frozenset({"acme"}), frozenset({"red"}), "k1")
TABLES = tuple(table.qualified for table in PEOPLE)


def keys(reader, viewer, table):
    return [row["actor_key"] for row in reader.query(f"select actor_key from {table}", viewer, [table]).to_pylist()]


def test_everybody_sees_their_own_rows_whatever_their_role_and_no_others(reader):
    for table in TABLES:
        assert keys(reader, MEMBER, table) == ["k1"]
        lead = Viewer("lead@acme", Role.TEAM_LEAD, frozenset({"acme"}), frozenset({"red", "blue"}), "k2")
        assert keys(reader, lead, table) == ["k2"]
        engineer = Viewer("data", Role.DATA_ENGINEER, actor_key="k1")
        assert keys(reader, engineer, table) == ["k1"]
        assert keys(reader, Viewer("new", Role.MEMBER, actor_key="nobody"), table) == []
        assert sorted(keys(reader, OPERATOR, table)) == ["k1", "k2"]


def test_who_has_no_key_of_their_own_may_not_name_the_rows_of_persons(reader):
    for key in (None, ""):
        viewer = Viewer("lead@acme", Role.TEAM_LEAD, frozenset({"acme"}), frozenset({"red"}), key)
        for table in TABLES:
            with pytest.raises(AccessError, match="no table"):
                reader.query(f"select * from {table}", viewer, [table])


def test_a_room_is_kept_for_one_person_and_not_lent_to_the_next_of_that_name(reader):
    other = Viewer(MEMBER.who, MEMBER.role, MEMBER.account_ids, MEMBER.team_ids, "k2")
    assert keys(reader, MEMBER, TABLES[0]) == ["k1"]
    assert keys(reader, other, TABLES[0]) == ["k2"]
    assert keys(reader, MEMBER, TABLES[0]) == ["k1"]


ATTEMPTS = [
    "select * from marts.fct_skill_days where actor_key <> 'k1'",
    "select * from marts.fct_skill_days where actor_key = 'k1' or true",
    "select * from marts.fct_skill_days where actor_key in (select actor_key from marts.dim_team_members)",
    "select * from marts.dim_team_members",
    "select * from marts.fct_person_windows",
    "select max(actor_key) from marts.fct_skill_days",
    "select * from metrics.marts__fct_skill_days",
    "select * from access.marts__fct_skill_days",
    "select * from access.marts__dim_team_members",
    "select * from build.fct_skill_days",
    "select * from intermediate.int_team_skill_days",
    "select * from snapshot_people.marts.fct_skill_days",
    "select * from snapshot_metrics.metrics.teams",
    "select * from raw.registry_team_members",
    "from query('select * from snapshot_people.marts.fct_skill_days')",
    "from query_table('snapshot_people.marts.fct_skill_days')",
    "set variable actor_keys = ['k2']",
    "select getvariable('actor_keys')",
    "set local skillsmith.actor_key = 'k2'; select * from marts.fct_skill_days",
    "select set_config('skillsmith.actor_key', 'k2', true), * from marts.fct_skill_days",
    "with s as (select set_config('skillsmith.actor_key', 'k2', false)) select f.* from s, marts.fct_skill_days as f",
    "select * from marts.fct_skill_days where 1 / (ascii(right(actor_key, 1)) - 50) > 0",
    "select cast(actor_key as int) from marts.fct_skill_days where actor_key = 'k2'",
    "select query_to_xml('select * from metrics.marts__fct_skill_days', true, true, '')",
    "select most_common_vals from pg_stats where tablename like '%fct_skill_days'",
    "select sql from duckdb_views()",
    "select * from duckdb_tables()",
    "reset role",
]


def test_no_statement_shows_a_member_the_rows_of_somebody_else(reader):
    for statement in ATTEMPTS:
        try:
            got = repr(reader.query(statement, MEMBER, ["marts.fct_skill_days"]).to_pylist())
        except SkillsmithError as error:
            # What a statement may not read, its error may not tell either; the statement's own text is no news.
            got = "".join(str(error).split(statement))
        assert "k2" not in got, statement
    assert keys(reader, MEMBER, "marts.fct_skill_days") == ["k1"]


def test_a_member_still_sees_the_figures_of_the_own_team_only(reader):
    found = reader.query("select team_id from metrics.team_activity", MEMBER, ["metrics.team_activity"])
    assert found.to_pylist() == [{"team_id": "red"}]
