"""What each viewer gets on both engines: their rows, small groups hidden, and nothing by any other way."""

import random
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.integration.published_world import BREAKDOWNS
from warehouse.access import OPERATOR, Role, Viewer
from warehouse.errors import AccessError, SkillsmithError, UsageError
from warehouse.postgres import open_connection, run
from warehouse.postgres_access import ACCESS_ROLE
from warehouse.postgres_reader import _be

LEAD = Viewer("lead@acme", Role.TEAM_LEAD, frozenset({"acme"}), frozenset({"red", "blue", "tiny"}))
RED_ONLY = Viewer("red@acme", Role.MEMBER, frozenset({"acme"}), frozenset({"red"}))
NOBODY = Viewer("new@acme", Role.MEMBER)
EXECUTIVE = Viewer("ceo", Role.EXECUTIVE)
ENGINEER = Viewer("data", Role.DATA_ENGINEER)
ACTIVITY = ["metrics.team_activity"]


def rows(reader, sql, viewer, tables=ACTIVITY, **parameters):
    return reader.query(sql, viewer, tables, parameters).to_pylist()


def test_a_viewer_sees_the_rows_of_their_teams_only(reader):
    sql = "select team_id from metrics.team_activity order by team_id"
    seen = {viewer.who: [r["team_id"] for r in rows(reader, sql, viewer)] for viewer in (LEAD, RED_ONLY, NOBODY)}
    assert seen == {"lead@acme": ["blue", "red", "tiny"], "red@acme": ["red"], "new@acme": []}
    assert len(rows(reader, sql, OPERATOR)) == 4


def test_values_are_bound_by_name(reader):
    sql = "select team_id, '$team_id 100%' as text from metrics.team_activity where team_id = $team_id"
    assert rows(reader, sql, LEAD, team_id="red", unused=1) == [{"team_id": "red", "text": "$team_id 100%"}]
    assert rows(reader, sql, LEAD, team_id="gold") == []
    with pytest.raises(UsageError, match="team_id"):
        rows(reader, sql, LEAD)


def test_a_team_of_fewer_than_five_seats_shows_no_figure(reader):
    sql = "select * from metrics.team_activity where team_id = 'tiny'"
    (row,) = rows(reader, sql, LEAD)
    hidden = {name for name, value in row.items() if value is None}
    assert row["is_suppressed"] is True
    assert row["seats"] == 3
    assert hidden >= {"active_users", "adoption_rate", "uses", "new_users", "previous_active_users", "adoption_band"}
    (saved,) = rows(
        reader,
        "select hours_p50, value_cents_p50, hourly_rate_cents, recapture_share, value_valid_from, is_suppressed "
        "from metrics.team_time_saved where team_id = 'tiny'",
        LEAD,
        ["metrics.team_time_saved"],
    )
    figures = ("hours_p50", "value_cents_p50", "hourly_rate_cents", "recapture_share", "value_valid_from")
    assert saved == {**dict.fromkeys(figures), "is_suppressed": True}


def test_what_hours_are_worth_is_seen_by_whoever_sees_the_hours_and_nobody_else(reader):
    saved = rows(
        reader,
        "select team_id, hours_p50, value_cents_p50, hourly_rate_cents, recapture_share from metrics.team_time_saved "
        "order by team_id",
        LEAD,
        ["metrics.team_time_saved"],
    )
    # 5 hours at 60 dollars, of which half is put to use; of team blue one person alone was active.
    assert {row["team_id"]: tuple(row.values())[1:] for row in saved} == {
        "red": (5.0, 15_000, 6_000, 0.5),
        "blue": (None, None, None, None),
        "tiny": (None, None, None, None),
    }


def test_one_person_alone_is_a_band(reader):
    sql = (
        "select team_id, active_users, adoption_rate, adoption_low, new_users, stickiness, uses, adoption_band "
        "from metrics.team_activity where team_id = $team_id"
    )
    # blue: 1 of 20; the band is 0 to 2 of 20.
    assert rows(reader, sql, LEAD, team_id="blue") == [
        {
            "team_id": "blue",
            "active_users": None,
            "adoption_rate": None,
            "adoption_low": None,
            "new_users": None,
            "stickiness": None,
            "uses": None,
            "adoption_band": "0-10%",
        }
    ]
    # gold: 7 of 8, so one person alone is not active; the band is 6 to 8 of 8.
    gold = Viewer("lead@zeta", Role.TEAM_LEAD, frozenset({"zeta"}), frozenset({"gold"}))
    (row,) = rows(reader, sql, gold, team_id="gold")
    assert (row["active_users"], row["adoption_rate"], row["adoption_band"], row["uses"]) == (None, None, "75-100%", 5)


def test_a_group_that_is_large_enough_is_shown_as_published(reader):
    (row,) = rows(reader, "select * from metrics.team_activity where team_id = 'red'", RED_ONLY)
    (published,) = rows(reader, "select * from metrics.team_activity where team_id = 'red'", OPERATOR)
    assert row.pop("is_suppressed") is False
    assert row.pop("adoption_band") is None
    assert row.pop("is_mean_coarse") is False
    assert row == published


def test_what_is_suggested_for_one_person_or_a_few_is_not_told(reader):
    sql = "select team_id, reason, score, active_users from metrics.skill_suggestions order by team_id"
    # blue: one person of 20; tiny: three seats; a score is told to nobody.
    assert rows(reader, sql, LEAD, ["metrics.skill_suggestions"]) == [
        {"team_id": "blue", "reason": None, "score": None, "active_users": None},
        {"team_id": "red", "reason": "used by 7 of 9 people who also use docs", "score": None, "active_users": 4},
        {"team_id": "tiny", "reason": None, "score": None, "active_users": None},
    ]
    pairs = "select skill_name, paired_skill_name, people from metrics.skill_pairs"
    assert rows(reader, pairs, NOBODY, ["metrics.skill_pairs"]) == [
        {"skill_name": "docs", "paired_skill_name": "review", "people": 5}
    ]


def test_an_account_figure_does_not_give_a_hidden_team_away(reader):
    sql = "select account_id, active_users, uses, is_suppressed from metrics.account_activity"
    # Also for a viewer of one team: 7 active in the account less the 4 of team red would be the others'.
    for viewer in (LEAD, RED_ONLY):
        assert rows(reader, sql, viewer, ["metrics.account_activity"]) == [
            {"account_id": "acme", "active_users": None, "uses": None, "is_suppressed": True}
        ]


def test_the_mean_over_skills_does_not_give_a_hidden_skill_away(reader):
    # blue: docs has 1 user (hidden), review 2; 2 skills x 20 seats. The exact mean is 3/40; told to the nearest
    # three users it stays 3/40, which fits 0, 1 or 2 users of docs. Team blue's own count is hidden, so is its mean.
    sql = "select mean_skill_adoption from metrics.team_activity where team_id = $team_id"
    assert rows(reader, sql, LEAD, team_id="blue") == [{"mean_skill_adoption": None}]
    # gold: docs 7 of 8 (hidden), review 2: 9 users of 16 cells, nearest three is 9.
    gold = Viewer("lead@zeta", Role.TEAM_LEAD, frozenset({"zeta"}), frozenset({"gold"}))
    assert rows(reader, sql, gold, team_id="gold") == [{"mean_skill_adoption": 9 / 16}]
    # red: nothing is hidden; 6 users of 20 cells as it is.
    assert rows(reader, sql, LEAD, team_id="red") == [{"mean_skill_adoption": 6 / 20}]


def test_who_has_a_skill_installed_is_hidden_where_it_is_one_person_or_all_but_one(reader):
    sql = (
        "select team_id, skill_name, installed_people, used_within_days, seats from metrics.team_installed_skills "
        "where team_id in ('tiny', 'red') order by team_id, skill_name"
    )
    seen = [tuple(row.values()) for row in rows(reader, sql, LEAD, ["metrics.team_installed_skills"])]
    assert seen == [
        ("red", "docs", None, 28, 10),
        ("red", "review", 2, 28, 10),
        ("red", "test", None, 28, 10),
        ("tiny", "docs", None, None, 3),
        ("tiny", "review", None, None, 3),
        ("tiny", "test", None, None, 3),
    ]


BREAKDOWN = "select breakdown, value, people, events, people_alone from metrics.team_skill_breakdown "


def test_what_one_person_alone_failed_with_does_not_come_back_as_the_rest_of_the_total(reader):
    sql = BREAKDOWN + "where team_id = 'red' and skill_name = $skill and breakdown = 'install_error' order by value"

    def seen(skill):
        found = rows(reader, sql, LEAD, ["metrics.team_skill_breakdown"], skill=skill)
        return [(row["value"], row["people"], row["events"], row["people_alone"]) for row in found]

    # 14 less the 5 of FETCH_FAILED would be what p alone failed with, under either code: so those go, too.
    assert seen("review") == [
        ("*", 3, 14, None),
        ("FETCH_FAILED", 3, None, None),
        ("SCAN_REJECTED", None, None, None),
        ("UNKNOWN", None, None, None),
    ]
    # 13 less 4 is what two people failed with.
    assert seen("docs") == [
        ("*", 3, 13, None),
        ("FETCH_FAILED", 2, 4, None),
        ("SCAN_REJECTED", None, None, None),
        ("UNKNOWN", None, None, None),
    ]


def test_whatever_is_hidden_of_a_breakdown_is_of_two_people_or_more_or_all_of_it_is(reader):
    sql = "select * from metrics.team_skill_breakdown where team_id = 'red' and value <> '*'"
    shown = {
        (row["skill_name"], row["breakdown"], row["value"])
        for row in rows(reader, sql, LEAD, ["metrics.team_skill_breakdown"])
        if row["events"] is not None
    }
    told = 0
    for (skill, breakdown), values in BREAKDOWNS.items():
        hidden = [people for value, people in values.items() if (skill, breakdown, value) not in shown]
        behind = set().union(*hidden)
        everybody = set().union(*values.values())
        assert not any(len(people) == 1 for value, people in values.items() if (skill, breakdown, value) in shown)
        assert len(behind) != 1 or len(everybody) == 1
        told += len(values) - len(hidden)
    assert told > 20


def test_uses_by_version_are_hidden_where_the_uses_of_the_skill_are(reader):
    sql = BREAKDOWN + "where team_id = $team_id and skill_name = 'review' and breakdown = 'sdk_version' order by value"
    table = ["metrics.team_skill_breakdown"]
    red, blue, tiny = (rows(reader, sql, LEAD, table, team_id=team) for team in ("red", "blue", "tiny"))
    assert [(r["value"], r["people"], r["events"]) for r in red] == [("*", 3, 11), ("1.4.2", 2, 5), ("unknown", 2, 6)]
    # In team blue one person used docs: the team's uses less those of review would be theirs.
    assert [(r["people"], r["events"]) for r in blue] == [(None, None)] * 3
    # Three seats.
    assert [(r["people"], r["events"]) for r in tiny] == [(None, None)] * 3


def test_the_uninstalls_of_one_person_are_hidden(reader):
    sql = (
        "select skill_name, people, events from metrics.team_skill_breakdown "
        "where team_id = 'red' and breakdown = 'uninstalled' order by skill_name"
    )
    assert rows(reader, sql, LEAD, ["metrics.team_skill_breakdown"]) == [
        {"skill_name": "docs", "people": 2, "events": 3},
        {"skill_name": "review", "people": None, "events": None},
    ]


def test_uses_behind_time_saved_are_hidden_where_one_row_would_be_one_persons(reader):
    sql = "select team_id, assumption_name, successes, fewest_users from metrics.team_time_saved_uses order by 1, 2"
    everybody = Viewer("all", Role.TEAM_LEAD, frozenset({"acme", "zeta"}), frozenset({"red", "blue", "tiny", "gold"}))
    seen = [tuple(row.values()) for row in rows(reader, sql, everybody, ["metrics.team_time_saved_uses"])]
    # blue has one active person, tiny three seats, and of gold one row is one person's.
    assert seen == [
        (team, name, 5 if team == "red" else None, None)
        for team in ("blue", "gold", "red", "tiny")
        for name in ("*", "docs")
    ]


def test_what_is_left_out_is_told_of_the_own_teams_and_of_all_together(reader):
    sql = "select team_id, events from metrics.excluded_events order by team_id"
    seen = {
        viewer.who: [row["team_id"] for row in rows(reader, sql, viewer, ["metrics.excluded_events"])]
        for viewer in (LEAD, RED_ONLY, NOBODY)
    }
    assert seen == {"lead@acme": ["*", "tiny"], "red@acme": ["*"], "new@acme": ["*"]}


def test_a_step_by_one_person_on_one_surface_is_hidden_on_every_surface(reader):
    sql = (
        "select surface, shown, installed, least_people_installed from metrics.team_recommendations "
        "where team_id = $team_id order by surface"
    )
    table = ["metrics.team_recommendations"]
    red, blue = (rows(reader, sql, LEAD, table, team_id=team) for team in ("red", "blue"))
    # The total of 5 less the surface that is shown would be the hidden one's.
    assert [(r["surface"], r["shown"], r["installed"]) for r in red] == [
        ("*", 40, 5),
        ("cli", 20, None),
        ("web", 20, None),
    ]
    assert [r["installed"] for r in blue] == [5, 5, 5]
    assert {r["least_people_installed"] for r in red + blue} == {None}


@pytest.mark.parametrize(
    ("viewer", "table"),
    [
        (LEAD, "metrics.mrr_bridge"),
        (ENGINEER, "metrics.mrr_by_account"),
        (LEAD, "metrics.slo_status"),
        (EXECUTIVE, "ops.import_ledger"),
        (LEAD, "ops.check_results"),
        (LEAD, "marts.fct_skill_days"),
        (ENGINEER, "marts.dim_team_members"),
        (EXECUTIVE, "metrics.restatements"),
        (LEAD, "build.team_activity"),
        (LEAD, "metrics.nothing_of_that_name"),
        (LEAD, "information_schema.tables"),
    ],
)
def test_a_table_of_another_role_is_refused(reader, viewer, table):
    with pytest.raises(AccessError, match="no table"):
        reader.query(f"select * from {table}", viewer, [table])


def test_each_role_reads_its_own_tables(reader):
    assert rows(reader, "select count(*) as n from metrics.mrr_bridge", EXECUTIVE, ["metrics.mrr_bridge"]) == [{"n": 3}]
    assert rows(reader, "select count(*) as n from ops.check_results", ENGINEER, ["ops.check_results"]) == [{"n": 1}]
    assert rows(reader, "select count(*) as n from metrics.snapshot", NOBODY, ["metrics.snapshot"]) == [{"n": 1}]
    availability = "select account_id from metrics.availability_daily order by 1"
    of_acme = Viewer("cto", Role.EXECUTIVE, frozenset({"acme"}))
    names = ["metrics.availability_daily"]
    assert [r["account_id"] for r in rows(reader, availability, EXECUTIVE, names)] == ["*"]
    assert [r["account_id"] for r in rows(reader, availability, of_acme, names)] == ["*", "acme"]


def test_a_table_that_was_not_named_is_not_in_the_room(reader):
    with pytest.raises(AccessError):
        reader.query("select * from metrics.teams", LEAD, ["metrics.team_activity"])


def test_a_wrong_statement_is_the_callers_mistake(reader):
    with pytest.raises(UsageError):
        reader.query("select nonsense from metrics.team_activity", LEAD, ACTIVITY)


def test_sums_of_whole_numbers_are_whole_numbers(reader):
    table = reader.query("select sum(seats) as n, count(*) as m from metrics.team_activity", LEAD, ACTIVITY)
    assert [str(kind) for kind in table.schema.types] == ["int64", "int64"]
    assert table.to_pylist() == [{"n": 33, "m": 3}]


def test_who_comes_back_to_a_skill_is_seen_by_teams_that_use_it_and_no_cohort_by_itself(reader):
    columns = "skill_name, weeks_later, users, retained_users, retention_rate"

    def seen(viewer, table):
        sql = f"select {columns} from metrics.{table} order by skill_name, weeks_later"
        return [tuple(row.values()) for row in rows(reader, sql, viewer, [f"metrics.{table}"])]

    # Of twelve people all but one came back in the second week.
    assert seen(RED_ONLY, "skill_retention_curve") == [("docs", 1, 12, 3, 0.25), ("docs", 2, 12, None, None)]
    assert seen(RED_ONLY, "skill_retention") == [
        (skill, later, None, None, None) for skill, later in (("docs", 1), ("docs", 2), ("docs", 12), ("review", 1))
    ]
    for viewer in (NOBODY, EXECUTIVE):
        assert seen(viewer, "skill_retention_curve") == seen(viewer, "skill_retention") == []
    counted = rows(reader, "select count(*) as n from metrics.skill_retention", OPERATOR, ["metrics.skill_retention"])
    assert counted == [{"n": 5}]


def test_every_small_group_table_has_a_rule():
    from warehouse.published import PUBLISHED
    from warehouse.small_groups import RULES

    assert {t.name for t in PUBLISHED if t.scope in ("team", "account", "skill")} == set(RULES)


POSTGRES_ESCAPES = [
    "select * from build.team_activity",
    "select * from metrics.teams",
    "select * from marts.fct_skill_days",
    "select * from ops.builds",
    "select * from access.metrics__mrr_bridge",
    "select set_config('skillsmith.team_ids', '[\"gold\"]', true), team_id from metrics.team_activity",
    "select * from metrics.team_activity; select 1",
    "select 1; reset role; select * from build.team_activity",
    "reset role",
    "set local skillsmith.team_ids = '[\"gold\"]'",
    "select pg_read_file('/etc/passwd')",
    "select * from pg_ls_dir('/')",
    "copy metrics.team_activity to program 'id'",
    "select lo_import('/etc/passwd')",
    "select query_to_xml('select * from build.team_activity', true, true, '')",
    "select query_to_xml('reset role', true, true, '')",
    "with x as (delete from metrics.team_activity returning *) select * from x",
    "select * from pg_authid",
    "select * from pg_catalog.pg_user_mapping",
    "create temp table t as select 1",
    "explain analyze select * from build.team_activity",
    "do $$ begin perform 1; end $$",
    "prepare p as select 1",
    "execute p",
    "select dblink('dbname=postgres', 'select 1')",
    "select pg_reload_conf()",
    "set role skillsmith_access",
    "set session authorization default",
    "select * from metrics.team_activity where cast(team_id as int) = 1",
    "select * from metrics.team_activity where 1 / (length(team_id) - 4) > 0 and team_id::date is not null",
    "select * from metrics.team_activity where lower(team_id)::json is null",
    "select * from access.metrics__team_activity",
    "select table_to_xml('metrics.team_activity', true, true, '')",
    "select database_to_xml(true, true, '')",
    "select cursor_to_xml('c', 1, true, true, '')",
    "select pg_get_viewdef('access.metrics__team_activity'::regclass), array(select team_id from metrics.teams)",
    "select most_common_vals from pg_stats where tablename = 'team_activity'",
    "select * from _timescaledb_internal._hyper_1_1_chunk",
    "select * from raw.registry_events",
    "select dblink_connect('dbname=' || current_database())",
    "select current_setting('skillsmith.role'), pg_sleep(0), (select string_agg(team_id, ',') from build.teams)",
]


on_postgres = pytest.mark.parametrize("published_settings", ["postgres"], indirect=True, scope="module")


@on_postgres
def test_viewers_who_share_a_reader_never_see_each_other_though_a_third_of_their_statements_fail(reader):
    """Four threads, three viewers in turns, statements that break in every way a statement can break."""
    seen = {"lead@acme": {"blue", "red", "tiny"}, "red@acme": {"red"}, "new@acme": set()}
    broken = ["select 1 / 0", "select nothing", "selec", "select * from build.teams", "select 'x'::int", "rollback"]

    def look(number: int) -> str:
        dice = random.Random(number)
        viewer = dice.choice([LEAD, RED_ONLY, NOBODY])
        if dice.random() < 0.35:
            with pytest.raises(SkillsmithError):
                reader.query(dice.choice(broken), viewer, ACTIVITY)
            return "broken"
        found = reader.query("select team_id from metrics.team_activity", viewer, ACTIVITY).to_pylist()
        assert {row["team_id"] for row in found} == seen[viewer.who]
        return viewer.who

    with ThreadPoolExecutor(max_workers=4) as threads:
        looked = Counter(threads.map(look, range(240)))
    assert looked["broken"] > 240 * 0.3
    assert min(looked[who] for who in seen) > 20


def everything_in(table) -> str:
    return repr(table.to_pylist())


@on_postgres
@pytest.mark.parametrize("statement", POSTGRES_ESCAPES)
def test_no_statement_leaves_the_viewer_on_postgresql(reader, statement):
    try:
        got = everything_in(reader.query(statement, RED_ONLY, ACTIVITY))
    except SkillsmithError as error:
        # What a statement may not read, its error may not tell either; the statement's own text is no news.
        got = "".join(str(error).split(statement))
    assert "gold" not in got
    assert "zeta" not in got
    assert "root:" not in got
    assert "blue" not in got


@on_postgres
def test_the_server_itself_holds_the_rows_behind_the_views(published_settings):
    with open_connection(published_settings) as connection, connection.transaction():
        views = run(
            connection,
            "select distinct c.relowner::regrole::text as owner, c.reloptions as options from pg_class as c "
            "where c.relnamespace = 'access'::regnamespace and c.relkind = 'v'",
        )
        # Of another owner no policy would hold; without a barrier a statement's condition may be asked of other rows.
        assert views.fetchall() == [{"owner": ACCESS_ROLE, "options": ["security_barrier=true"]}]
        _be(connection, RED_ONLY)
        run(connection, f"set local role {ACCESS_ROLE}")
        seen = run(connection, "select distinct account_id from metrics.team_activity").fetchall()
        assert seen == [{"account_id": "acme"}]
        for table in ("mrr_bridge", "marts__fct_skill_days", "ops__check_results"):
            assert run(connection, f"select count(*) as n from metrics.{table}").fetchall() == [{"n": 0}]
