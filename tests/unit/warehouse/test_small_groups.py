"""What is hidden of small groups, worked by hand on single rows; the SQL is run, not read."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest
import yaml

from warehouse import small_groups
from warehouse.errors import AccessError
from warehouse.published import PUBLISHED, PublishedTable, published_table
from warehouse.settings import DBT_PROJECT
from warehouse.small_groups import RULES, protected_select

DAY = date(2026, 3, 9)
COUNTS = [
    "seats",
    "active_users",
    "new_users",
    "returning_users",
    "resurrected_users",
    "dormant_users",
    "previous_active_users",
    "previous_seats",
    "installed_skills",
    "uses",
    "seats_active",
    "seats_idle",
    "seats_never_used",
    "seats_too_new",
    "habitual_users",
    "users",
    "people",
    "successes",
    "previous_users",
]


@pytest.fixture
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute("create schema metrics")
        for name in ("team_activity", "team_skill_usage"):
            connection.execute(
                f"create table metrics.{name} (team_id text, account_id text, skill_name text, period_end date, "
                f"period_days bigint, adoption_rate double, previous_adoption_rate double, mean_skill_adoption double, "
                + ", ".join(f"{column} bigint" for column in COUNTS)
                + ")"
            )
        connection.execute(
            "create table metrics.account_activity (account_id text, period_end date, period_days bigint, "
            "seats bigint, active_users bigint, adoption_rate double, adoption_low double, adoption_high double, "
            "uses bigint)"
        )
        connection.execute(
            "create table metrics.team_time_saved (account_id text, team_id text, period_end date, "
            "period_days bigint, assumption_set text, hours_p10 double, hours_p50 double, hours_p90 double, "
            "value_cents_p10 bigint, value_cents_p50 bigint, value_cents_p90 bigint, hourly_rate_cents bigint, "
            "recapture_share double, value_valid_from date)"
        )
        connection.execute(
            "create table metrics.team_time_saved_uses (account_id text, team_id text, period_end date, "
            "period_days bigint, assumption_set text, assumption_name text, fewest_users bigint, "
            "successes bigint, failures bigint)"
        )
        yield connection


def put(engine: duckdb.DuckDBPyConnection, table: str, **values: Any) -> None:
    """One row of a published table in the period of all tests."""
    row = {"account_id": "acme", "period_end": DAY, "period_days": 7, **values}
    marks = ", ".join("?" for _ in row)
    engine.execute(f"insert into metrics.{table} ({', '.join(row)}) values ({marks})", list(row.values()))


def shown(engine: duckdb.DuckDBPyConnection, name: str) -> dict[str, Any]:
    """The only row of a table, as everybody but the operator reads it."""
    [row] = all_shown(engine, name)
    return row


def all_shown(engine: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, Any]]:
    """The rows of a table, newest period first, as everybody but the operator reads them."""
    table = published_table(name)
    assert table is not None
    columns = [row[0] for row in engine.execute(f"describe metrics.{name}").fetchall()]
    rows: list[dict[str, Any]] = engine.execute(protected_select(table, columns, "true")).to_arrow_table().to_pylist()
    return sorted(rows, key=lambda row: row["period_end"], reverse=True) if "period_end" in columns else rows


@pytest.mark.parametrize(
    ("seats", "active", "rate", "band", "uses"),
    [
        (10, 4, 0.4, None, 30),
        # 200 / 10 = 20: as wide as two people.
        (10, 1, None, "0-20%", None),
        (10, 9, None, "80-100%", 30),
        # 200 / 7 = 28.6
        (7, 1, None, "0-29%", None),
        (7, 6, None, "71-100%", 30),
        (5, 5, 1.0, None, 30),
        (5, 0, 0.0, None, 30),
        # Fewer than five: no figure and no band.
        (4, 2, None, None, None),
        (4, 1, None, None, None),
    ],
)
def test_one_person_alone_is_a_band_and_fewer_than_five_are_nothing(
    engine: duckdb.DuckDBPyConnection, seats: int, active: int, rate: float | None, band: str | None, uses: int | None
) -> None:
    put(engine, "team_activity", team_id="red", seats=seats, active_users=active, adoption_rate=active / seats, uses=30)

    row = shown(engine, "team_activity")

    assert (row["adoption_rate"], row["adoption_band"], row["uses"]) == (rate, band, uses)
    assert row["active_users"] == (None if rate is None else active)
    assert (row["seats"], row["is_suppressed"]) == (seats, seats < 5)


@pytest.mark.parametrize(
    ("new", "returning", "resurrected", "dormant", "is_hidden"),
    [
        (2, 2, 2, 2, False),
        (0, 6, 0, 0, False),
        # One of them is one person: all go, or the others and their sum would tell.
        (1, 5, 0, 2, True),
        (2, 3, 1, 2, True),
        (2, 2, 2, 1, True),
        # All but one of ten.
        (0, 9, 0, 0, True),
    ],
)
def test_counts_that_add_up_are_shown_together_or_not_at_all(
    engine: duckdb.DuckDBPyConnection, new: int, returning: int, resurrected: int, dormant: int, is_hidden: bool
) -> None:
    parts = {
        "new_users": new,
        "returning_users": returning,
        "resurrected_users": resurrected,
        "dormant_users": dormant,
    }
    put(engine, "team_activity", team_id="red", seats=10, active_users=6, adoption_rate=0.6, **parts)

    row = shown(engine, "team_activity")

    assert {name: row[name] for name in parts} == (dict.fromkeys(parts) if is_hidden else parts)
    assert row["active_users"] == 6


@pytest.mark.parametrize(
    ("previous", "seats", "rate", "is_hidden"),
    [
        (3, 10, 0.3, False),
        (1, 10, 0.1, True),
        (9, 10, 0.9, True),
        (2, 4, 0.5, True),
        # Where data begins later there is no share; the seats still say how small the group was.
        (3, 4, None, True),
        (3, 10, None, False),
    ],
)
def test_the_previous_period_hides_what_adds_up_to_it(
    engine: duckdb.DuckDBPyConnection, previous: int, seats: int, rate: float | None, is_hidden: bool
) -> None:
    put(
        engine,
        "team_activity",
        team_id="red",
        seats=10,
        active_users=6,
        adoption_rate=0.6,
        previous_active_users=previous,
        previous_seats=seats,
        previous_adoption_rate=rate,
        returning_users=0,
        dormant_users=previous,
    )

    row = shown(engine, "team_activity")

    assert (row["previous_active_users"] is None) is is_hidden
    assert (row["returning_users"] is None) is is_hidden
    assert row["active_users"] == 6


@pytest.mark.parametrize(
    ("team_seats", "team_active", "is_hidden"), [(5, 3, False), (4, 3, True), (8, 1, True), (8, 7, True)]
)
def test_an_accounts_figures_go_where_one_team_is_hidden(
    engine: duckdb.DuckDBPyConnection, team_seats: int, team_active: int, is_hidden: bool
) -> None:
    put(engine, "team_activity", team_id="red", seats=20, active_users=8)
    put(engine, "team_activity", team_id="blue", seats=team_seats, active_users=team_active)
    put(engine, "account_activity", seats=25, active_users=11, adoption_rate=11 / 25, uses=90)

    row = shown(engine, "account_activity")

    assert (row["active_users"], row["uses"]) == ((None, None) if is_hidden else (11, 90))
    assert row["is_suppressed"] is is_hidden
    assert row["seats"] == 25


@pytest.mark.parametrize(
    ("seats", "active", "is_hidden"),
    [
        (30, 15, False),
        # One person is in both teams, and then four.
        (29, 14, True),
        (26, 13, True),
        # Five are: three of them active, one, and all but one.
        (25, 12, False),
        (25, 14, True),
        (25, 11, True),
        # Two people are in no team.
        (32, 17, True),
    ],
)
def test_an_accounts_figures_go_where_its_teams_less_them_would_be_a_few_peoples(
    engine: duckdb.DuckDBPyConnection, seats: int, active: int, is_hidden: bool
) -> None:
    put(engine, "team_activity", team_id="red", seats=20, active_users=10, uses=60)
    put(engine, "team_activity", team_id="blue", seats=10, active_users=5, uses=40)
    put(engine, "account_activity", seats=seats, active_users=active, uses=80)

    row = shown(engine, "account_activity")

    assert (row["active_users"], row["uses"]) == ((None, None) if is_hidden else (active, 80))
    assert (row["seats"], row["is_suppressed"]) == (seats, is_hidden)


@pytest.mark.parametrize(("active", "is_hidden"), [(1, True), (2, False), (23, False), (24, True)])
def test_an_accounts_interval_does_not_tell_the_count_that_is_hidden(
    engine: duckdb.DuckDBPyConnection, active: int, is_hidden: bool
) -> None:
    put(engine, "team_activity", team_id="red", seats=20, active_users=8)
    shares = {"adoption_rate": active / 25, "adoption_low": 0.1, "adoption_high": 0.9}
    put(engine, "account_activity", seats=25, active_users=active, **shares)

    row = shown(engine, "account_activity")

    assert {row[name] is None for name in ("active_users", *shares)} == {is_hidden}


@pytest.mark.parametrize(("seats", "active", "hours"), [(10, 2, 4.5), (10, 1, None), (10, 0, None), (4, 3, None)])
def test_hours_over_one_person_are_that_persons_hours(
    engine: duckdb.DuckDBPyConnection, seats: int, active: int, hours: float | None
) -> None:
    put(engine, "team_activity", team_id="red", seats=seats, active_users=active)
    put(engine, "team_time_saved", team_id="red", assumption_set="default", hours_p50=4.5)

    assert shown(engine, "team_time_saved")["hours_p50"] == hours


WORTH = {
    **{"value_cents_p10": 1_000, "value_cents_p50": 13_500, "value_cents_p90": 30_000},
    **{"hourly_rate_cents": 6_000, "recapture_share": 0.5, "value_valid_from": DAY},
}
HOURS = {"hours_p10": 0.33, "hours_p50": 4.5, "hours_p90": 10.0}


@pytest.mark.parametrize(
    ("is_hidden", "seats", "active", "beside", "own_users", "fewest"),
    [
        (False, 10, 4, 6, 2, 2),
        # Fewer than five seats, one active person, a period that shares days with one of four people, a skill with an
        # assumption of its own that one person used alone, several assumptions of which one is a single person's.
        (True, 4, 3, None, None, 2),
        (True, 10, 1, None, None, 2),
        (True, 10, 4, 4, None, 2),
        (True, 10, 4, None, 1, 2),
        (True, 10, 4, None, None, 1),
    ],
)
def test_money_is_hidden_wherever_hours_are(
    engine: duckdb.DuckDBPyConnection,
    is_hidden: bool,
    seats: int,
    active: int,
    beside: int | None,
    own_users: int | None,
    fewest: int,
) -> None:
    put(engine, "team_activity", team_id="red", seats=seats, active_users=active)
    if beside is not None:
        put(engine, "team_activity", team_id="red", period_end=DAY - timedelta(days=3), seats=beside, active_users=3)
    if own_users is not None:
        put(engine, "team_skill_usage", team_id="red", skill_name="commit", seats=seats, users=own_users, uses=3)
    uses = {"team_id": "red", "assumption_set": "default", "fewest_users": fewest}
    put(engine, "team_time_saved_uses", **uses, assumption_name="*")
    put(engine, "team_time_saved_uses", **uses, assumption_name="commit")
    put(engine, "team_time_saved", team_id="red", assumption_set="default", **HOURS, **WORTH)

    row = shown(engine, "team_time_saved")

    assert row["is_suppressed"] is is_hidden
    assert {name: row[name] for name in HOURS | WORTH} == (dict.fromkeys(HOURS | WORTH) if is_hidden else HOURS | WORTH)


@pytest.mark.parametrize(
    ("names", "fewest", "successes", "failures"),
    [
        # The team's 9 successes less one row would be the other one, and that one person's.
        (("*", "commit"), 1, None, None),
        (("*", "commit"), 2, 9, 2),
        # All that the team did falls under one assumption: the row is the figure that stands on the tile.
        (("*",), 1, 9, None),
        (("*",), 2, 9, 2),
    ],
)
def test_uses_under_the_only_assumption_are_the_successes_that_are_told_anyway(
    engine: duckdb.DuckDBPyConnection, names: tuple[str, ...], fewest: int, successes: int | None, failures: int | None
) -> None:
    put(engine, "team_activity", team_id="red", seats=8, active_users=3, uses=11, successes=9)
    uses = {"team_id": "red", "assumption_set": "default", "fewest_users": fewest, "successes": 9, "failures": 2}
    for name in names:
        put(engine, "team_time_saved_uses", **uses, assumption_name=name)
    # Another window and another set are no others of this one.
    put(engine, "team_time_saved_uses", **uses, assumption_name="commit", period_end=DAY - timedelta(days=7))
    put(engine, "team_time_saved_uses", **{**uses, "assumption_set": "own"}, assumption_name="commit")
    rows = [row for row in all_shown(engine, "team_time_saved_uses") if row["period_end"] == DAY]
    found = {(row["successes"], row["failures"]) for row in rows if row["assumption_set"] == "default"}
    assert found == {(successes, failures)}


def test_hours_of_a_team_without_an_activity_row_are_hidden(engine: duckdb.DuckDBPyConnection) -> None:
    put(engine, "team_time_saved", team_id="red", assumption_set="default", hours_p50=4.5)

    assert shown(engine, "team_time_saved")["hours_p50"] is None


def test_a_period_that_shares_a_day_with_one_of_four_people_is_hidden_too(engine):
    # Four people in the week to 9 March, six in four weeks: those less the three weeks before would be the four's.
    weeks = [DAY - timedelta(days=7 * number) for number in range(5)]
    for number, end in enumerate(weeks):
        put(
            engine,
            "team_activity",
            team_id="red",
            period_end=end,
            seats=4 if number == 0 else 6,
            active_users=3,
            uses=9,
        )
    for number, end in ((0, DAY), (1, weeks[1])):
        figures = {"seats": 6, "active_users": 4, "uses": 36 - number}
        put(engine, "team_activity", team_id="red", period_end=end, period_days=28, **figures)
        put(engine, "account_activity", period_end=end, period_days=28, **figures)
    put(engine, "team_activity", team_id="blue", seats=6, active_users=3, uses=7)
    rows = {(row["team_id"], row["period_end"], row["period_days"]): row for row in all_shown(engine, "team_activity")}
    hidden = {key for key, row in rows.items() if row["is_suppressed"]}
    assert hidden == {("red", DAY, 7), ("red", DAY, 28)}
    assert all(rows[key]["uses"] is None for key in hidden)
    assert {row["uses"] for key, row in rows.items() if key not in hidden} == {9, 35, 7}
    assert [row["uses"] for row in all_shown(engine, "account_activity")] == [None, 35]


@pytest.mark.parametrize(
    ("hidden_users", "mean"),
    [
        # Two skills of 10 seats, 4 and 2 users: 6 of 20, exactly.
        (2, 0.3),
        # 4 and 1: 5 of 20 would give the one away; to the nearest three it is 6 of 20.
        (1, 0.3),
        # 4 and 9: 13 of 20; to the nearest three 12.
        (9, 0.6),
    ],
)
def test_a_mean_over_skills_is_coarse_where_one_skill_is_hidden(
    engine: duckdb.DuckDBPyConnection, hidden_users: int, mean: float
) -> None:
    for skill, users in (("docs", 4), ("review", hidden_users)):
        put(engine, "team_skill_usage", team_id="red", skill_name=skill, seats=10, users=users)
    put(
        engine,
        "team_activity",
        team_id="red",
        seats=10,
        active_users=5,
        installed_skills=2,
        mean_skill_adoption=(4 + hidden_users) / 20,
    )

    row = shown(engine, "team_activity")
    assert row["mean_skill_adoption"] == pytest.approx(mean)
    assert row["is_mean_coarse"] is (hidden_users in (1, 9))


def test_a_table_of_teams_without_a_rule_is_refused_and_not_shown() -> None:
    table = PublishedTable("team_secrets", ("team_id",), "team")
    with pytest.raises(AccessError, match=r"metrics\.team_secrets has no small-group rule"):
        protected_select(table, ["team_id", "seats"], "true")


def test_every_published_table_of_teams_accounts_and_skills_has_a_rule() -> None:
    assert {table.name for table in PUBLISHED if table.scope in ("team", "account", "skill")} <= RULES.keys()


def test_a_table_that_is_about_no_group_is_shown_as_it_is() -> None:
    table = published_table("arr_plan")
    assert table is not None
    assert protected_select(table, ["quarter"], "1 = 1") == "select m.* from metrics.arr_plan as m where 1 = 1"


@pytest.fixture
def onboarding(engine: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    engine.execute(
        "create table metrics.team_onboarding as select 'red' as team_id, 'acme' as account_id, "
        "date '2026-01-01' as cohort_month, *, null::bigint as last_seen, "
        "null::bigint as fewest_last_seen from (values "
        "(0, 6, 6, 0, 0, 0, 1.0, 0.0), (1, 6, 6, 1, 0, 1, 0.83, 0.17), (2, 6, 5, 2, 0, 3, 0.5, 0.5), "
        "(3, 6, 3, 2, 0, 5, 0.17, 0.83), (4, 6, 1, 1, 0, 6, 0.0, 1.0), (5, 4, 4, 2, 0, 2, 0.5, 0.5)"
        ") as v (day, seats, at_risk, events, censored, adopters, survival, adopted_share)"
    )
    engine.execute(
        "create table metrics.team_onboarding_summary as select team_id, 'acme' as account_id, "
        "date '2026-01-01' as cohort_month, * exclude team_id from (values "
        "('red', 6, 4, 1, 0.17, 2, 0.33, 21, 5, 2.0, 2), ('one', 6, 1, 0, 0.0, 1, 0.17, 8, 6, 0.0, 1), "
        "('few', 4, 2, 2, 0.5, 2, 0.5, 3, 4, 1.5, 2), ('new', 9, 4, 2, 0.22, 3, 0.33, 21, 4, 2.0, 3), "
        "('all', 6, 6, 5, 0.83, 6, 1.0, 4, 6, 2.0, 4), ('own', 9, 2, 1, 0.2, 2, 0.6, 2, 5, 0.0, 1)"
        ") as v (team_id, seats, adopters, adopters_7, adopted_by_7, adopters_30, adopted_by_30, median_days, "
        "people_30, median_skills_30, adopters_median)"
    )
    return engine


def seen(engine: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, Any]]:
    table = published_table(name)
    assert table is not None
    columns = [row[0] for row in engine.execute(f"describe metrics.{name}").fetchall()]
    ordered = protected_select(table, columns, "true") + f" order by m.{table.key[-1]}, 1"
    return engine.execute(ordered).to_arrow_table().to_pylist()


def test_no_published_period_is_longer_than_the_rule_looks() -> None:
    described = yaml.safe_load((DBT_PROJECT / "models/metrics/adoption/_adoption.yml").read_text())["models"]
    grains = [test["grain"]["arguments"] for model in described for test in model["data_tests"]]
    lengths = {days for grain in grains for days in grain.get("values", {}).get("period_days", ())}
    assert max(lengths) == small_groups._LONGEST_PERIOD


def test_what_stands_of_a_hidden_period_in_the_row_of_the_next_is_hidden_too(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    # Weeks of four, six and twelve seats; the second ends three days after the first, and both are hidden.
    for days_ago, seats in ((10, 4), (7, 6), (0, 12)):
        put(
            engine,
            "team_activity",
            team_id="red",
            period_end=DAY - timedelta(days=days_ago),
            **{"seats": seats, "active_users": 4, "adoption_rate": 4 / seats, "uses": 20},
            **{"previous_active_users": 2, "previous_seats": 6, "previous_adoption_rate": 1 / 3, "seats_active": 4},
            **{"new_users": 2, "returning_users": 2, "resurrected_users": 0, "dormant_users": 0},
        )
    put(
        engine,
        "team_skill_usage",
        team_id="red",
        skill_name="lint",
        **{"seats": 12, "users": 4, "people": 4, "uses": 9, "previous_users": 2, "previous_adoption_rate": 1 / 3},
    )
    newest, *older = all_shown(engine, "team_activity")
    assert [row["active_users"] for row in older] == [None, None]
    assert (newest["active_users"], newest["uses"], newest["previous_seats"]) == (4, 20, 6)
    told = ("previous_active_users", "previous_adoption_rate", "new_users", "returning_users", "dormant_users")
    assert {newest[name] for name in told} == {None}
    engine.execute("alter table metrics.team_skill_usage drop column mean_skill_adoption")
    skill = shown(engine, "team_skill_usage")
    assert (skill["users"], skill["previous_users"], skill["previous_adoption_rate"]) == (4, None, None)


def test_the_onboarding_curve_is_hidden_from_its_ends_to_where_two_have_begun_or_two_have_not(
    onboarding: duckdb.DuckDBPyConnection,
) -> None:
    rows = seen(onboarding, "team_onboarding")

    # Were 0 shown, what is hidden between it and 3 would be 1, and its day one person's. Where all but one have begun
    # the rows stop, for the last of them would be the day of the last person.
    assert [row["adopted_share"] for row in rows] == [None, None, pytest.approx(0.5)]
    assert [row["adopters"] for row in rows] == [None, None, 3]
    assert [row["adopters_band"] for row in rows] == ["0-1", "0-1", None]
    # Whoever knew how many began on a day could subtract.
    assert {row[name] for row in rows for name in ("at_risk", "events", "censored")} == {None}
    assert [row["is_suppressed"] for row in rows] == [False] * 3


def test_a_tick_of_censoring_is_hidden_where_it_or_a_step_beside_it_is_one_persons(
    onboarding: duckdb.DuckDBPyConnection,
) -> None:
    for day, last_seen, fewest in ((2, 3, 2), (4, 3, 1), (5, 3, 3)):
        onboarding.execute(
            "update metrics.team_onboarding set last_seen = ?, fewest_last_seen = ? where day = ?",
            [last_seen, fewest, day],
        )
    rows = seen(onboarding, "team_onboarding")

    assert [row["last_seen"] for row in rows] == [None, None, 3]
    assert {row["fewest_last_seen"] for row in rows} == {None}


@pytest.mark.parametrize(
    ("users", "hidden"),
    [
        # The team's uses less those of a and c would be the one person's of b; of c the fewest make use.
        ({"a": 5, "b": 1, "c": 3}, {"b", "c"}),
        # The one of b may be the one of c, so both together may be one person's.
        ({"a": 5, "b": 1, "c": 1}, {"a", "b", "c"}),
        ({"a": 5, "b": 2, "c": 3}, set()),
        # One person used c and never succeeded.
        ({"a": 5, "b": 1, "c": 0}, {"a", "b", "c"}),
        ({"b": 1}, {"b"}),
    ],
)
def test_the_uses_of_one_person_are_not_the_teams_less_those_of_the_other_skills(
    engine: duckdb.DuckDBPyConnection, users: dict[str, int], hidden: set[str]
) -> None:
    engine.execute(
        "create or replace table metrics.team_skill_usage (team_id text, account_id text, skill_name text, "
        "period_end date, period_days bigint, seats bigint, users bigint, people bigint, uses bigint, successes bigint)"
    )
    nobody = {"users": 0, "people": 0, "uses": 0, "successes": 0}
    for skill, count in users.items():
        counts = {"users": count, "people": max(1, count), "uses": 7 * count + 2, "successes": 7 * count}
        put(engine, "team_skill_usage", team_id="red", skill_name=skill, seats=10, **counts)
        # Another period and another team are counted apart.
        four = {"users": 4, "people": 4, "uses": 9, "successes": 9}
        put(engine, "team_skill_usage", team_id="blue", skill_name=skill, seats=10, **four)
    put(engine, "team_skill_usage", team_id="red", skill_name="unused", seats=10, **nobody)

    rows = {row["skill_name"]: row["uses"] for row in seen(engine, "team_skill_usage") if row["team_id"] == "red"}
    assert {skill for skill, uses in rows.items() if uses is None} == hidden
    assert rows["unused"] == 0
    assert all(
        row["uses"] == 9 for row in seen(engine, "team_skill_usage") if row["team_id"] == "blue" and row["users"]
    )


def test_an_onboarding_share_of_one_person_is_hidden_and_the_others_stay(
    onboarding: duckdb.DuckDBPyConnection,
) -> None:
    rows = {row["team_id"]: row for row in seen(onboarding, "team_onboarding_summary")}

    assert (rows["red"]["adopters_7"], rows["red"]["adopted_by_7"]) == (None, None)
    assert (rows["red"]["adopters_30"], rows["red"]["median_days"], rows["red"]["median_skills_30"]) == (2, 21, 2)
    # Of the two who have begun one had by the day of the median: it is that one's.
    assert rows["own"]["median_days"] is None
    # Nine joined, and only four of them have been there for thirty days.
    assert (rows["new"]["median_days"], rows["new"]["people_30"], rows["new"]["median_skills_30"]) == (21, 4, None)
    figures = ("adopters", "adopters_7", "adopted_by_7", "adopters_30", "adopted_by_30")
    bands = ("adopters_band", "adopters_7_band", "adopters_30_band")
    for team, median, skills, band in (
        # That nobody had begun after a week would say who begins by the thirtieth day.
        ("one", None, 0, "0-1"),
        ("few", None, None, None),
        # When half had begun is nobody's day alone, however many have not.
        ("all", 4, 2, "5-6"),
    ):
        assert {rows[team][name] for name in figures} == {None}
        assert (rows[team]["median_days"], rows[team]["median_skills_30"]) == (median, skills)
        assert {rows[team][name] for name in bands} == {band}
        assert rows[team]["seats"] > 0


STEPS = ("shown", "clicked", "installed", "clicked_installed", "activated", "retained")
FAR_FROM_ONE = {f"least_people_{step}": 3 for step in (*STEPS, "censored", "holdout")}
FIGURES = {
    **{"censored": 4, "shown": 60, "clicked": 20, "installed": 9, "clicked_installed": 8},
    **{"shown_14": 50, "installed_14": 7, "activated": 5, "shown_30": 40, "installed_30": 6, "activated_30": 4},
    **{"retained": 3, "click_rate": 1 / 3, "acceptance_rate": 0.15, "conversion_rate": 0.4, "activation_rate": 5 / 7},
    **{"retention_rate": 0.5, "holdout_censored": 2, "holdout_shown": 10, "holdout_installed": 3, "holdout_rate": 0.3},
    **{"lift": -0.15},
}
EVERY_ROW = (("*", "*"), ("cli", "*"), ("web", "*"), ("*", "heuristic"), ("cli", "heuristic"), ("web", "heuristic"))
OF_INSTALLED = {"installed", "acceptance_rate", "lift", "clicked_installed", "conversion_rate"}
OF_RETAINED = {"shown_30", "installed_30", "activated_30", "retained", "retention_rate"}
OF_ACTIVATED = {"shown_14", "installed_14", "activated", "activation_rate"} | OF_RETAINED


def recommendations(
    engine: duckdb.DuckDBPyConnection, least: dict[tuple[str, str], dict[str, int]], seats: int = 9
) -> dict[tuple[str, str], set[str]]:
    """What is hidden of each row (surface, model) of a team and period; `least`: what differs from three people."""
    columns = {**FIGURES, **FAR_FROM_ONE}
    engine.execute(
        "create or replace table metrics.team_recommendations (team_id text, account_id text, period_end date, "
        "period_days bigint, surface text, model text, seats bigint, "
        + ", ".join(f"{name} {'double' if isinstance(value, float) else 'bigint'}" for name, value in columns.items())
        + ")"
    )
    for surface, model in EVERY_ROW:
        figures = {**columns, **least.get((surface, model), {})}
        put(engine, "team_recommendations", team_id="red", surface=surface, model=model, seats=seats, **figures)
        put(engine, "team_recommendations", team_id="blue", surface=surface, model=model, seats=seats, **columns)
    rows = seen(engine, "team_recommendations")
    assert all(row["seats"] == seats and row["is_suppressed"] is (seats < 5) for row in rows)
    assert {row[name] for row in rows for name in FAR_FROM_ONE} == {None}, "how many people it were is nobody's matter"
    assert all(row["shown"] == 60 for row in rows if row["team_id"] == "blue" and seats >= 5)
    return {
        (row["surface"], row["model"]): {name for name in FIGURES if row[name] is None}
        for row in rows
        if row["team_id"] == "red"
    }


def test_recommendations_to_many_are_shown_and_to_a_team_of_four_hidden(engine: duckdb.DuckDBPyConnection) -> None:
    assert recommendations(engine, {}) == {row: set() for row in EVERY_ROW}
    assert recommendations(engine, {}, seats=4) == {row: set(FIGURES) for row in EVERY_ROW}


@pytest.mark.parametrize(
    ("step", "hidden"),
    [
        ("censored", {"censored"}),
        ("clicked", {"clicked", "click_rate", "clicked_installed", "conversion_rate"}),
        ("installed", OF_INSTALLED | OF_ACTIVATED),
        ("clicked_installed", {"clicked_installed", "conversion_rate"}),
        ("activated", OF_ACTIVATED),
        ("retained", OF_RETAINED),
        ("shown", {"shown", "clicked", "click_rate"} | OF_INSTALLED | OF_ACTIVATED),
        ("holdout", {"holdout_censored", "holdout_shown", "holdout_installed", "holdout_rate", "lift"}),
    ],
)
def test_a_step_by_one_person_goes_with_what_follows_from_it(
    engine: duckdb.DuckDBPyConnection, step: str, hidden: set[str]
) -> None:
    found = recommendations(engine, {("*", "*"): {f"least_people_{step}": 1}})

    assert found[("*", "*")] == hidden
    is_holdout = step == "holdout"
    assert found[("*", "heuristic")] == (hidden if is_holdout else set()), "the holdout has no model"
    assert found[("cli", "*")] == set()


def test_a_step_hidden_of_one_surface_is_hidden_of_all_and_the_total_stays(engine: duckdb.DuckDBPyConnection) -> None:
    found = recommendations(engine, {("cli", "*"): {"least_people_clicked": 1}})

    hidden = {"clicked", "click_rate", "clicked_installed", "conversion_rate"}
    # The total less the other surface would be the hidden one.
    assert found[("cli", "*")] == found[("web", "*")] == hidden
    assert {frozenset(found[row]) for row in EVERY_ROW if row[0] == "*" or row[1] != "*"} == {frozenset()}


def test_a_holdout_hidden_of_one_surface_is_hidden_of_every_surface_and_model(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    found = recommendations(engine, {("web", "*"): {"least_people_holdout": 1}})

    assert {row for row in EVERY_ROW if "holdout_shown" in found[row]} == {row for row in EVERY_ROW if row[0] != "*"}


@pytest.mark.parametrize(
    ("seats", "active", "reason", "counted"),
    [
        (10, 4, "used by 7 of 9 people who also use ann/lint", 4),
        # What is suggested for one person tells what the person uses, and the count that it was one.
        (10, 1, None, None),
        # All but one: only who counts the idle could tell who it is.
        (10, 9, "used by 7 of 9 people who also use ann/lint", None),
        (4, 3, None, None),
    ],
)
def test_what_one_persons_use_suggests_is_hidden(
    engine: duckdb.DuckDBPyConnection, seats: int, active: int, reason: str | None, counted: int | None
) -> None:
    engine.execute(
        "create table metrics.skill_suggestions as select 'acme' as account_id, 'red' as team_id, 'bob/test' as "
        "skill_name, 1 as rank, 0.3 as score, 'collaborative' as model, 'used by 7 of 9 people who also use ann/lint' "
        "as reason, 'ann/lint' as reason_skill_name, 7 as people_using, 9 as people_of, "
        f"{seats} as seats, {active} as active_users, 0.5 as hit_rate_at_10"
    )

    row = shown(engine, "skill_suggestions")

    assert (row["reason"], row["active_users"]) == (reason, counted)
    says = ("rank", "model", "reason_skill_name", "people_using", "people_of")
    assert all((row[name] is None) is (reason is None) for name in says)
    assert row["score"] is None
    assert (row["skill_name"], row["seats"], row["is_suppressed"]) == ("bob/test", seats, seats < 5)
    # How good suggestions are is over everybody's teams.
    assert row["hit_rate_at_10"] == (0.5 if seats >= 5 else None)


@pytest.mark.parametrize(
    ("users", "retained", "shown_users", "shown_retained"),
    [
        (9, 4, 9, 4),
        (9, 0, 9, 0),
        (9, 9, 9, 9),
        # One person alone came back, or stayed away.
        (9, 1, 9, None),
        (9, 8, 9, None),
        # That so few began is a figure about them already.
        (4, 2, None, None),
        (1, 1, None, None),
    ],
)
def test_who_comes_back_to_a_skill_is_hidden_where_one_did_or_did_not_and_with_the_size_where_that_is_fewer_than_five(
    engine: duckdb.DuckDBPyConnection,
    users: int,
    retained: int | None,
    shown_users: int | None,
    shown_retained: int | None,
) -> None:
    engine.execute(
        "create table metrics.skill_retention_curve as select 'docs' as skill_name, "
        "1 as weeks_later, $users::bigint as users, $retained::bigint as retained_users, "
        "$retained::double / $users as retention_rate, 0.1::double as retention_low, 0.9::double as retention_high",
        {"users": users, "retained": retained},
    )

    row = shown(engine, "skill_retention_curve")

    assert (row["users"], row["retained_users"]) == (shown_users, shown_retained)
    assert (row["retention_rate"] is None) is (shown_retained is None)
    assert row["is_suppressed"] is (users < 5)
