"""Publishing on both engines: what is refused, what readers see, what is restated."""

import json
from datetime import UTC, date, datetime, timedelta

import duckdb
import psycopg
import pytest

from expectations.checks import check_borders
from expectations.frames import evaluate
from expectations.metrics_border import compared_tables, metrics_checks
from orchestration.pipeline import initialise
from tests.integration.published_world import AS_OF, build, check, rows_of
from warehouse import open_warehouse, postgres_access, snapshots
from warehouse.access import OPERATOR, Role, Viewer, open_reader
from warehouse.causes import RawDay
from warehouse.errors import BlockingChecksFailedError, NotPublishedError, SkillsmithError, TableNotPublishedError
from warehouse.publish import publish


def marks(settings) -> set[int]:
    sql = (
        "select uses as mark from metrics.team_activity union select uses from metrics.team_skill_usage "
        "union select closing_cents from metrics.mrr_bridge"
    )
    tables = ["metrics.team_activity", "metrics.team_skill_usage", "metrics.mrr_bridge"]
    with open_reader(settings) as reader:
        return set(reader.query(sql, OPERATOR, tables)["mark"].to_pylist())


def test_readers_see_the_build_that_was_published_last(warehouse):
    settings = warehouse.settings
    with open_reader(settings) as reader:
        with pytest.raises(NotPublishedError):
            reader.snapshot()
        assert reader.last_attempt() is None
        build(warehouse, "b1", mark=1)
        first = publish(warehouse, build_id="b1", as_of=AS_OF)
        assert reader.snapshot() == first
        assert marks(settings) == {1}
        build(warehouse, "b2", mark=2)
        assert marks(settings) == {1}
        second = publish(warehouse, build_id="b2", as_of=AS_OF)
        assert reader.snapshot() == second
        assert reader.last_attempt().outcome == "published"
    assert marks(settings) == {2}
    assert first.as_of == datetime(2026, 3, 10, 6)
    assert (first.data_until, first.checks_passed, first.checks_warned) == (date(2026, 3, 9), 1, 0)


def test_rows_that_a_build_no_longer_has_are_no_longer_published(warehouse):
    build(warehouse, "b1")
    publish(warehouse, build_id="b1", as_of=AS_OF)
    with warehouse.write() as writer:
        writer.execute("delete from build.mrr_bridge where month = ?", [date(2026, 2, 1)])
    publish(warehouse, build_id="b1", as_of=AS_OF)
    with open_reader(warehouse.settings) as reader:
        months = reader.query("select month from metrics.mrr_bridge order by 1", OPERATOR, ["metrics.mrr_bridge"])
    assert months["month"].to_pylist() == [date(2026, 1, 1), date(2026, 3, 1)]


def test_a_failed_blocking_check_keeps_the_last_snapshot_and_readers_learn_of_it(warehouse):
    build(warehouse, "b1", mark=1)
    publish(warehouse, build_id="b1", as_of=AS_OF)
    build(warehouse, "b2", mark=2, status="failed")
    with warehouse.write() as writer:
        check(writer, "b2", "passed")
    with pytest.raises(BlockingChecksFailedError, match="shares_are_shares"):
        publish(warehouse, build_id="b2", as_of=AS_OF)
    assert marks(warehouse.settings) == {1}
    with open_reader(warehouse.settings) as reader:
        attempt = reader.last_attempt()
    assert attempt.outcome == "refused"
    assert attempt.failed == [
        {
            "check_name": "shares_are_shares",
            "table_name": "build.team_activity",
            "reason": "a share above 1 means a join went wrong",
        }
    ]


def test_a_crashed_check_is_not_a_failed_one(warehouse):
    build(warehouse, "b1", status="error")
    with pytest.raises(SkillsmithError) as caught:
        publish(warehouse, build_id="b1", as_of=AS_OF)
    assert caught.value.exit_code == 1
    assert not isinstance(caught.value, BlockingChecksFailedError)


def test_a_build_that_was_not_checked_at_its_borders_is_refused(warehouse):
    build(warehouse, "b1")
    with warehouse.write() as writer:
        check(writer, "b2", "passed", severity="warning")
        # Every build has the results of dbt's tests.
        check(writer, "b2", "passed", border="dbt")
    with pytest.raises(SkillsmithError, match="b2 was not checked at its borders; run `skillsmith-analytics check`"):
        publish(warehouse, build_id="b2", as_of=AS_OF)


def test_a_failed_warning_is_counted_and_published(warehouse):
    build(warehouse, "b1")
    with warehouse.write() as writer:
        check(writer, "b1", "failed", severity="warning")
        # One that passed is none, and one that crashed says nothing; of another build are neither.
        check(writer, "b1", "passed", severity="warning")
        check(writer, "b1", "error", severity="warning")
        check(writer, "b2", "failed")
    snapshot = publish(warehouse, build_id="b1", as_of=AS_OF)
    assert (snapshot.checks_passed, snapshot.checks_warned) == (2, 1)


def test_data_that_ends_before_the_last_complete_day_is_said_to_end_there(warehouse):
    build(warehouse, "b1")
    with warehouse.write() as writer:
        writer.execute("update build.table_health set data_until = timestamp '2026-03-07 12:00:00'")
    assert publish(warehouse, build_id="b1", as_of=AS_OF).data_until == date(2026, 3, 7)


def test_a_table_that_was_not_built_is_named(warehouse):
    build(warehouse, "b1")
    with warehouse.write() as writer:
        writer.execute("drop table build.slo_status")
        writer.execute("drop table marts.fct_person_windows")
    with pytest.raises(SkillsmithError, match=r"build\.slo_status, marts\.fct_person_windows not built"):
        publish(warehouse, build_id="b1", as_of=AS_OF)


def test_an_older_clock_needs_to_be_allowed(warehouse):
    build(warehouse, "b1")
    publish(warehouse, build_id="b1", as_of=AS_OF)
    yesterday = AS_OF - timedelta(days=1)
    with pytest.raises(SkillsmithError, match="--allow-older"):
        publish(warehouse, build_id="b1", as_of=yesterday)
    snapshot = publish(warehouse, build_id="b1", as_of=yesterday, allow_older=True)
    assert snapshot.data_until == date(2026, 3, 8)


def test_a_final_number_that_changes_is_restated_with_its_cause(warehouse):
    build(warehouse, "b1", mark=7_000_001)
    publish(warehouse, build_id="b1", as_of=AS_OF)
    build(warehouse, "b2", mark=7_000_002)
    publish(warehouse, build_id="b2", as_of=AS_OF)
    build(warehouse, "b3", mark=7_000_003, version="2")
    publish(warehouse, build_id="b3", as_of=AS_OF)
    sql = (
        "select row_key, old_value, new_value, cause, run_id from metrics.restatements "
        "where table_name = 'metrics.mrr_bridge' order by run_id, row_key"
    )
    with open_reader(warehouse.settings) as reader:
        rows = reader.query(sql, OPERATOR, ["metrics.restatements"]).to_pylist()
        engineer = Viewer("data", Role.DATA_ENGINEER)
        # Old and new values of money, teams and skills are not shown here either.
        shown = reader.query("select table_name from metrics.restatements", engineer, ["metrics.restatements"])
        assert set(shown["table_name"].to_pylist()) == {"metrics.availability_daily"}
    # A cent of seventy thousand dollars is a change. March 2026 was not complete on 9 March, so it restates nothing.
    assert [tuple(row.values()) for row in rows] == [
        ("month=2026-01-01, segment=total", 7_000_001.0, 7_000_002.0, "late data", "b2"),
        ("month=2026-02-01, segment=total", 7_000_001.0, 7_000_002.0, "late data", "b2"),
        ("month=2026-01-01, segment=total", 7_000_002.0, 7_000_003.0, "definition version", "b3"),
        ("month=2026-02-01, segment=total", 7_000_002.0, 7_000_003.0, "definition version", "b3"),
    ]


def test_what_was_still_open_restates_nothing(warehouse):
    build(warehouse, "b1", mark=1)
    publish(warehouse, build_id="b1", as_of=AS_OF)
    build(warehouse, "b2", mark=2)
    publish(warehouse, build_id="b2", as_of=AS_OF)
    sql = (
        "select row_key, column_name, old_value, new_value from metrics.restatements "
        "where table_name = 'metrics.team_recommendations' order by row_key"
    )
    with open_reader(warehouse.settings) as reader:
        rows = reader.query(sql, OPERATOR, ["metrics.restatements"]).to_pylist()
    # Of team red more may come, so only team blue's numbers were final; what rules whom to hide is no number.
    key = "team_id=blue, period_end=2026-03-09, period_days=7, surface={}, model=*"
    assert [tuple(row.values()) for row in rows] == [
        (key.format(surface), "installed", 1.0, 2.0) for surface in ("*", "cli", "web")
    ]


def restated(settings, run_id: str, *tables: str) -> list[tuple]:
    sql = (
        "select table_name, row_key, column_name, old_value, new_value, cause from metrics.restatements "
        "where run_id = $run_id and table_name in ($first, $second) order by table_name, row_key, column_name"
    )
    first, second = (f"metrics.{name}" for name in (*tables, tables[0])[:2])
    with open_reader(settings) as reader:
        found = reader.query(
            sql, OPERATOR, ["metrics.restatements"], {"run_id": run_id, "first": first, "second": second}
        )
    return [tuple(row.values()) for row in found.to_pylist()]


def test_figures_of_cohorts_and_quarters_are_final_once_nothing_of_them_is_still_to_come(warehouse):
    onboarded = (
        "insert into build.team_onboarding_summary (account_id, team_id, cohort_month, seats, adopters, median_days, "
        "people_30, computed_at) values "
    )
    curve = "insert into build.team_onboarding (team_id, cohort_month, day, adopters, computed_at) values "
    plan = "insert into build.arr_plan (quarter, planned_arr_cents, computed_at) values "

    def publish_with(build_id: str, mark: int, *statements: str) -> None:
        build(warehouse, build_id, mark)
        with warehouse.write() as writer:
            for statement in statements:
                writer.execute(statement.replace("NOW", f"timestamp '2026-03-10 06:00:0{mark}'"))
        publish(warehouse, build_id=build_id, as_of=AS_OF)

    # 6 March is the last day of usage that is not provisional: January's people have 34 days behind them, February's 6.
    publish_with(
        "b1", 1,
        f"{onboarded} ('acme', 'red', '2025-12-01', 8, 3, null, 8, NOW), "
        "('acme', 'red', '2026-01-01', 10, 4, 20, 9, NOW), ('acme', 'red', '2026-02-01', 5, 2, 10, 4, NOW)",
        f"{curve} ('red', '2026-01-01', 34, 4, NOW), ('red', '2026-01-01', 35, 4, NOW)",
        f"{plan} ('2025-10-01', 100, NOW), ('2026-01-01', 100, NOW)",
    )  # fmt: skip
    publish_with(
        "b2", 2,
        f"{onboarded} ('acme', 'red', '2025-12-01', 8, 4, 40, 8, NOW), "
        "('acme', 'red', '2026-01-01', 11, 6, 25, 10, NOW), ('acme', 'red', '2026-02-01', 6, 4, 9, 5, NOW)",
        f"{curve} ('red', '2026-01-01', 34, 5, NOW), ('red', '2026-01-01', 35, 5, NOW)",
        f"{plan} ('2025-10-01', 200, NOW), ('2026-01-01', 200, NOW)",
    )  # fmt: skip

    cohort = "team_id=red, cohort_month=2026-{}-01"
    assert [row[1:5] for row in restated(warehouse.settings, "b2", "team_onboarding_summary")] == [
        ("team_id=red, cohort_month=2025-12-01", "median_days", None, 40.0),
        (cohort.format("01"), "median_days", 20.0, 25.0),
        (cohort.format("01"), "people_30", 9.0, 10.0),
        (cohort.format("01"), "seats", 10.0, 11.0),
        (cohort.format("02"), "seats", 5.0, 6.0),
    ]
    assert [row[1:5] for row in restated(warehouse.settings, "b2", "team_onboarding", "arr_plan")] == [
        ("quarter=2025-10-01", "planned_arr_cents", 100.0, 200.0),
        (f"{cohort.format('01')}, day=34", "adopters", 4.0, 5.0),
    ]


def test_hours_of_the_last_three_days_are_provisional_though_no_column_says_so(warehouse):
    for number, build_id in enumerate(("b1", "b2"), start=1):
        build(warehouse, build_id, mark=number)
        with warehouse.write() as writer:
            for day in (6, 7):
                writer.execute(
                    "insert into build.team_time_saved "
                    "(account_id, team_id, period_end, period_days, assumption_set, hours_p50, computed_at) values "
                    f"('acme', 'red', '2026-03-0{day}', 7, 'default', {number}, timestamp '2026-03-10 06:00:0{number}')"
                )
        publish(warehouse, build_id=build_id, as_of=AS_OF)
    assert [row[1:5] for row in restated(warehouse.settings, "b2", "team_time_saved", "account_activity")] == [
        ("team_id=red, period_end=2026-03-06, period_days=7, assumption_set=default", "hours_p50", 1.0, 2.0)
    ]


def test_the_cause_of_a_restatement_is_what_has_happened_since_and_can_have_changed_it(warehouse):
    initialise(warehouse)
    lineage = {
        "team_activity": "registry_events", "mrr_bridge": "billing_stripe_events",
        "mrr_by_account": "billing_stripe_events", "team_recommendations": "reference_holidays",
    }  # fmt: skip
    with warehouse.write() as writer:
        writer.execute("create schema if not exists intermediate")
        rows = ", ".join(f"('{table}', 'raw.{raw}')" for table, raw in [*lineage.items(), ("team_activity", "days")])
        writer.execute(
            "create table intermediate.int_table_lineage as "
            f"select * from (values {rows}) as given (table_name, upstream)"
        )
    numbers = iter(range(1, 100))
    days = {
        "raw.registry_events": RawDay("created_at"),
        "raw.billing_stripe_events": RawDay("created", is_seconds=True),
    }

    def events(*moments: str) -> dict[str, list[dict]]:
        return {
            "raw.registry_events": [
                {"event_id": f"e{next(numbers)}", "created_at": datetime.fromisoformat(at), "event_type": "x"}
                for at in moments
            ]
        }

    def billed(kind: str, at: str, account: str) -> dict[str, list[dict]]:
        data = json.dumps({"object": {"metadata": {"account_id": account}}})
        created = int(datetime.fromisoformat(f"{at}T12:00:00+00:00").timestamp())
        return {
            "raw.billing_stripe_events": [{"id": f"b{next(numbers)}", "type": kind, "created": created, "data": data}]
        }

    def causes_after(*happened: dict[str, list[dict]]) -> dict[str, str]:
        """Causes by table, of the bridge by month too, once this has happened and every figure is another."""
        mark = next(numbers)
        with warehouse.write() as writer:
            now = datetime.now(UTC)
            for table, rows in ((table, rows) for each in happened for table, rows in each.items()):
                landed = {"load_id": f"l{mark}", "loaded_at": now} if table.startswith("raw.") else {}
                stamp = {"done_at": now} if table == "ops.erasure_steps" else {}
                writer.append(table, [row | landed | stamp for row in rows])
        build(warehouse, f"b{mark}", mark)
        publish(warehouse, build_id=f"b{mark}", as_of=AS_OF, days=days)
        found = {}
        for first, second in (("team_activity", "mrr_bridge"), ("mrr_by_account", "team_recommendations")):
            for table, key, *_, cause in restated(warehouse.settings, f"b{mark}", first, second):
                name = table.removeprefix("metrics.") + (key[len("month=2026") : 13] if "segment" in key else "")
                found[name] = cause
        return found

    late = dict.fromkeys(
        ("team_activity", "mrr_bridge-01", "mrr_bridge-02", "mrr_by_account", "team_recommendations"), "late data"
    )
    causes_after()
    assert causes_after() == late

    # Of a load with more rows of old days it is a backfill, of another the stragglers are late.
    assert causes_after(events("2026-02-01", "2026-03-06T23:00:00", "2026-03-07")) == late | {
        "team_activity": "backfill"
    }
    assert causes_after(events("2026-02-01", "2026-03-07", "2026-03-09")) == late
    # What is of February bears on no January.
    assert causes_after(billed("customer.subscription.updated", "2026-02-03", "acme")) == late | {
        "mrr_bridge-02": "backfill"
    }

    erased = {"certificate_id": "c", "action": "rows deleted", "row_count": 3}
    assert causes_after({"ops.erasure_steps": [erased | {"place": "raw.registry_events"}]}, events("2026-02-01")) == (
        late | {"team_activity": "erasure"}
    )
    assert causes_after({"ops.erasure_steps": [erased | {"place": "raw.registry_skill_ratings"}]}) == late

    # A refund of another account's is none of this one's, but in the bridge of all.
    bridge = {"mrr_bridge-01": "refund", "mrr_bridge-02": "refund"}
    assert causes_after(billed("charge.refunded", "2026-03-08", "zeta")) == late | bridge
    assert causes_after(billed("credit_note.created", "2026-03-08", "acme")) == late | bridge | {
        "mrr_by_account": "refund"
    }

    # Whose a refund is may not be said, or in no way that can be read: then it may be anybody's.
    unread = billed("charge.refunded", "2026-03-08", "acme")
    for data in ({"object": "ch_1"}, [], {"object": {"metadata": []}}, {"object": {"metadata": {"account_id": 7}}}):
        event = unread["raw.billing_stripe_events"][0] | {"id": f"b{next(numbers)}", "data": json.dumps(data)}
        assert causes_after({"raw.billing_stripe_events": [event]}) == late | bridge | {"mrr_by_account": "refund"}

    holiday = {"day": date(2026, 1, 1), "name": "New Year", "version": 1, "file_line": 2}
    assert causes_after({"raw.reference_holidays": [holiday]}) == late | {"team_recommendations": "definition version"}
    assert causes_after() == late


def test_publishing_the_same_build_again_restates_nothing(warehouse):
    build(warehouse, "b1")
    publish(warehouse, build_id="b1", as_of=AS_OF)
    publish(warehouse, build_id="b1", as_of=AS_OF)
    with open_reader(warehouse.settings) as reader:
        assert reader.query("select * from metrics.restatements", OPERATOR, ["metrics.restatements"]).num_rows == 0


def test_a_column_that_a_newer_version_adds_restates_nothing(warehouse):
    build(warehouse, "b1")
    publish(warehouse, build_id="b1", as_of=AS_OF)
    build(warehouse, "b2")
    with warehouse.write() as writer:
        writer.execute("alter table build.mrr_bridge add column added_cents bigint")
        writer.execute("update build.mrr_bridge set added_cents = 7")
    publish(warehouse, build_id="b2", as_of=AS_OF)
    with open_reader(warehouse.settings) as reader:
        assert reader.query("select * from metrics.restatements", OPERATOR, ["metrics.restatements"]).num_rows == 0


def test_the_operator_reads_person_rows_and_the_operations_tables(warehouse):
    build(warehouse, "b1", mark=7)
    publish(warehouse, build_id="b1", as_of=AS_OF)
    with open_reader(warehouse.settings) as reader:
        people = reader.query("select uses from marts.fct_skill_days", OPERATOR, ["marts.fct_skill_days"])
        checks = reader.query("select count(*) as n from ops.check_results", OPERATOR, ["ops.check_results"])
    assert people.to_pylist() == [{"uses": 7}, {"uses": 7}]
    assert checks.to_pylist() == [{"n": 1}]


def test_a_table_that_a_newer_version_adds_is_said_to_be_missing_until_that_version_publishes(warehouse):
    initialise(warehouse)
    build(warehouse, "b1")
    first = publish(warehouse, build_id="b1", as_of=AS_OF)
    added = "metrics.team_onboarding"
    if warehouse.engine == "postgres":
        with warehouse.write(None) as writer:
            writer.execute(f"drop table {added} cascade")
    else:
        path = snapshots.metrics_file(warehouse.settings.published_folder, first.snapshot_id)
        with duckdb.connect(path) as connection:
            connection.execute(f"drop table {added}")

    lead = Viewer("lead@acme", Role.TEAM_LEAD, frozenset({"acme"}), frozenset({"red"}))
    with open_reader(warehouse.settings) as reader:
        assert added not in reader.columns()
        assert "seats" in reader.columns()["metrics.team_activity"]
        for viewer in (OPERATOR, lead):
            with pytest.raises(
                TableNotPublishedError, match=f"{added} is not in .* run `skillsmith-analytics refresh`"
            ):
                reader.query(f"select * from {added}", viewer, [added])
    with warehouse.write() as writer:
        compared = {
            row["table_name"]: row["status"]
            for row in check_borders(writer, warehouse.settings, as_of=AS_OF)
            if row["check_name"] == "no_table_shrinks_without_cause"
        }
    assert compared["metrics.team_activity"] == "passed"
    assert set(compared.values()) == {"passed"}

    build(warehouse, "b2")
    publish(warehouse, build_id="b2", as_of=AS_OF)
    with open_reader(warehouse.settings) as reader:
        assert reader.query(f"select * from {added}", OPERATOR, [added]).num_rows == len(rows_of("team_onboarding", 1))


def test_a_number_that_became_narrower_is_published_and_one_of_another_kind_is_not(warehouse):
    build(warehouse, "b1", mark=1)
    publish(warehouse, build_id="b1", as_of=AS_OF)
    build(warehouse, "b2", mark=2)
    with warehouse.write() as writer:
        writer.execute("alter table build.team_activity alter column period_days type integer")
    publish(warehouse, build_id="b2", as_of=AS_OF)
    assert marks(warehouse.settings) == {2}
    if warehouse.engine == "postgres":
        build(warehouse, "b3", mark=3)
        with warehouse.write() as writer:
            writer.execute("alter table build.team_activity alter column uses type text")
        with pytest.raises(SkillsmithError, match="uses is bigint and the build's is text; migrate the column by hand"):
            publish(warehouse, build_id="b3", as_of=AS_OF)


def test_a_table_of_metrics_that_nobody_explains_stops_publishing(warehouse):
    build(warehouse, "b1")
    with warehouse.write() as writer:
        [check] = [
            check
            for check in metrics_checks(writer, dict, may_shrink=True)
            if check.name == "every_metric_says_what_it_means"
        ]
        come_and_go = {"skill_pairs", "skill_retention_curve", "skill_suggestions"}
        meant = {table.name for table in compared_tables()} | come_and_go
        words = [{"table_name": name, "column_name": "", "definition": "What it counts."} for name in sorted(meant)]
        writer.execute("delete from build.metric_definitions")
        writer.append("build.metric_definitions", [*words, {"table_name": "team_skill_breakdown", "column_name": ""}])
        assert {row["status"] for row in evaluate(check)} == {"failed"}
        writer.execute(
            "update build.metric_definitions set definition = 'Installs.' where table_name = 'team_skill_breakdown'"
        )
        assert {row["status"] for row in evaluate(check)} == {"passed"}


def test_a_server_finds_rows_of_a_team_an_account_and_a_person_by_an_index(postgres_settings):
    with open_warehouse(postgres_settings) as warehouse:
        warehouse.initialise()
        build(warehouse, "b1")
        publish(warehouse, build_id="b1", as_of=AS_OF)
        # Also where the tables were published before there were indexes for what hides a figure.
        with warehouse.write() as writer:
            writer.execute("drop index metrics.team_activity_of_account, metrics.account_activity_too_small")
        publish(warehouse, build_id="b1", as_of=AS_OF)
    with psycopg.connect(postgres_settings.warehouse_url.get_secret_value()) as connection:
        found = connection.execute("select tablename, indexdef from pg_indexes where schemaname = 'metrics'").fetchall()
    columns = {(table, definition[definition.index("(") :]) for table, definition in found}
    assert ("team_skill_usage", "(team_id, period_end)") in columns
    assert ("marts__fct_skill_days", "(actor_key)") in columns
    for table in ("team_skill_usage", "team_activity"):
        assert (table, "(account_id, period_end)") in columns
    for scope in ("team", "account"):
        assert (f"{scope}_activity", f"({scope}_id, period_end) WHERE (seats < 5)") in columns
    # Where the key begins with them they need no second one.
    assert ("team_activity", "(team_id, period_end)") not in columns
    assert ("marts__fct_person_windows", "(actor_key)") not in columns


def test_rows_that_a_newer_version_lets_fewer_see_are_kept_from_them_though_their_view_is_the_same(
    postgres_settings, monkeypatch
):
    def policy_of(table: str) -> str:
        with psycopg.connect(postgres_settings.warehouse_url.get_secret_value()) as connection:
            [row] = connection.execute(
                "select qual from pg_policies where schemaname = 'metrics' and tablename = %s", [table]
            ).fetchall()
        return row[0]

    with open_warehouse(postgres_settings) as warehouse:
        warehouse.initialise()
        build(warehouse, "b1")
        publish(warehouse, build_id="b1", as_of=AS_OF)
        before = policy_of("mrr_bridge")
        rows_of_this_version = postgres_access._policy_rows

        def rows_of_the_next(table, columns):
            return "m.segment = 'total'" if table.name == "mrr_bridge" else rows_of_this_version(table, columns)

        monkeypatch.setattr(postgres_access, "_policy_rows", rows_of_the_next)
        publish(warehouse, build_id="b1", as_of=AS_OF)

    assert "'total'" not in before
    assert "segment = 'total'" in policy_of("mrr_bridge")
