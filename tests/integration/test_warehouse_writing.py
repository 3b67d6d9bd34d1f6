"""What every engine promises a writer: merge by key and version, all or nothing, safe to repeat."""

import itertools
import json
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime
from random import Random
from typing import Any, cast

import duckdb
import psycopg
import pyarrow as pa
import pytest

from warehouse import MergeCounts, Warehouse, duckdb_digests, open_warehouse
from warehouse.duckdb import DuckDBWriter
from warehouse.duckdb_digests import KeyDigests
from warehouse.errors import ReadingError
from warehouse.postgres import PostgresWriter
from warehouse.tables import ColumnSpec, TableSpec

EVENTS = TableSpec(
    "raw",
    "test_events",
    (
        ColumnSpec("id", "text"),
        ColumnSpec("updated_at", "timestamp"),
        ColumnSpec("amount", "bigint"),
        ColumnSpec("extra", "json"),
        ColumnSpec("file_name", "text"),
        ColumnSpec("file_line", "bigint"),
    ),
    key=("id",),
    version_by=("updated_at", "file_name", "file_line"),
)
NAMES = EVENTS.column_names


def stage(writer, name: str, rows: list[tuple]) -> None:
    columns = list(zip(*rows, strict=True))
    types = [pa.string(), pa.timestamp("us"), pa.int64(), pa.string(), pa.string(), pa.int64()]
    writer.reading.register(name, pa.table(dict(zip(NAMES, map(pa.array, columns, types), strict=True))))


def merged(warehouse: Warehouse, *batches: list[tuple]) -> list[MergeCounts]:
    counts = []
    with warehouse.write() as writer:
        for batch in batches:
            stage(writer, "staged", batch)
            with writer.transaction():
                counts.append(writer.merge("staged", EVENTS))
            writer.reading.unregister("staged")
    return counts


def stored(warehouse: Warehouse) -> list[tuple]:
    with warehouse.write() as writer:
        return [tuple(row.values()) for row in writer.fetch("select id, amount from raw.test_events order by id")]


MONDAY, TUESDAY = datetime(2026, 3, 2, 9), datetime(2026, 3, 3, 9)


def test_a_merge_inserts_new_keys_and_replaces_older_versions(warehouse):
    warehouse.initialise([EVENTS])
    counts = merged(
        warehouse,
        [("a", MONDAY, 1, '{"x": 1}', "f1", 1), ("b", TUESDAY, 2, None, "f1", 2)],
        [("a", TUESDAY, 10, None, "f2", 1), ("b", MONDAY, 20, None, "f2", 2), ("c", None, 3, None, "f2", 3)],
    )
    assert counts == [MergeCounts(2, 0, 0), MergeCounts(inserted=1, updated=1, unchanged=1)]
    assert stored(warehouse) == [("a", 10), ("b", 2), ("c", 3)]


def test_a_missing_version_is_below_every_version(warehouse):
    warehouse.initialise([EVENTS])
    merged(warehouse, [("a", None, 1, None, "f1", 1)], [("a", MONDAY, 2, None, "f0", 1)])
    assert stored(warehouse) == [("a", 2)]
    merged(warehouse, [("a", None, 3, None, "f9", 9)])
    assert stored(warehouse) == [("a", 2)]


def test_the_order_of_arrival_never_matters(warehouse):
    versions = [
        ("a", MONDAY, 1, None, "f1", 1),
        ("a", TUESDAY, 2, None, "f1", 2),
        ("a", TUESDAY, 3, None, "f2", 1),
        ("a", None, 4, None, "f3", 1),
    ]
    for order in itertools.permutations(versions):
        warehouse.initialise([EVENTS])
        with warehouse.write() as writer:
            writer.execute("delete from raw.test_events")
        merged(warehouse, *[[version] for version in order])
        assert stored(warehouse) == [("a", 3)]


class _RolledBackError(Exception):
    pass


@pytest.fixture(params=[16_000_000, 50, 0], ids=["in memory", "outgrow it", "too many"])
def digests_in_memory(request, monkeypatch):
    """How many keys' numbers DuckDB's merge keeps in memory: all, some, none."""
    monkeypatch.setattr(duckdb_digests, "_MOST_IN_MEMORY", request.param)


@pytest.mark.usefixtures("digests_in_memory")
def test_many_batches_of_one_session_are_merged_as_one_by_one_also_past_one_that_was_rolled_back(warehouse):
    counted = TableSpec(
        "raw",
        "test_counts",
        (
            ColumnSpec("day", "date"),
            ColumnSpec("number", "bigint"),
            ColumnSpec("version", "bigint"),
            ColumnSpec("rolled_back", "boolean"),
        ),
        key=("day", "number"),
        version_by=("version",),
    )
    warehouse.initialise([counted])
    random = Random(11)
    expected: dict[tuple[date, int], int] = {}
    with warehouse.write() as writer:
        for batch in range(12):
            rows = {
                (date(2026, 1, random.randint(1, 3)), random.randint(1, 60)): random.randint(1, 9) for _ in range(20)
            }
            is_rolled_back = batch in (1, 4, 5, 6)
            days, numbers = zip(*rows, strict=True)
            staged = {
                "day": pa.array(days),
                # Narrower than the table's: the same number all the same.
                "number": pa.array(numbers, pa.int16()),
                "version": pa.array(rows.values()),
                "rolled_back": pa.array([is_rolled_back] * len(rows)),
            }
            writer.reading.register("staged", pa.table(staged))
            try:
                with writer.transaction():
                    counts = writer.merge("staged", counted)
                    if is_rolled_back:
                        raise _RolledBackError
            except _RolledBackError:
                continue
            finally:
                writer.reading.unregister("staged")
            new = {key for key in rows if key not in expected}
            later = {key for key in rows.keys() - new if rows[key] > expected[key]}
            assert counts == MergeCounts(len(new), len(later), len(rows) - len(new) - len(later))
            expected |= {key: rows[key] for key in new | later}
        found = writer.fetch("select day, number, version from raw.test_counts where not rolled_back")
    assert len(found) == len(expected)
    assert {(row["day"], row["number"]): row["version"] for row in found} == expected


def test_the_same_rows_twice_change_nothing(warehouse):
    warehouse.initialise([EVENTS])
    batch = [("a", MONDAY, 1, None, "f1", 1), ("b", None, 2, None, None, None)]
    assert merged(warehouse, batch, batch)[1] == MergeCounts(0, 0, 2)


def test_an_error_inside_a_transaction_leaves_nothing(warehouse):
    warehouse.initialise([EVENTS])
    with warehouse.write() as writer:
        stage(writer, "staged", [("a", MONDAY, 1, None, "f1", 1)])
        with pytest.raises(ZeroDivisionError), writer.transaction():  # noqa: PT012 - all of it is rolled back
            writer.merge("staged", EVENTS)
            writer.append("raw.import_ledger", [{"load_id": "l1", "rows_seen": 1}])
            raise ZeroDivisionError
        assert writer.fetch("select * from raw.test_events") == []
        assert writer.fetch("select * from raw.import_ledger") == []


def test_appended_values_come_back_as_they_went_in(warehouse):
    at = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
    with warehouse.write() as writer:
        writer.append(
            "raw.import_ledger",
            [
                {"load_id": "l1", "started_at": at, "rows_seen": 3, "removed": {"email": 2}},
                {"load_id": "l2", "error": "50% of 'it' is bad?"},
            ],
        )
        rows = writer.fetch("select load_id, started_at, rows_seen, error from raw.import_ledger order by load_id")
        keyed = writer.fetch("select load_id from raw.import_ledger where started_at = ? and load_id <> '?'", [at])
    assert rows == [
        {"load_id": "l1", "started_at": at.replace(tzinfo=None), "rows_seen": 3, "error": None},
        {"load_id": "l2", "started_at": None, "rows_seen": None, "error": "50% of 'it' is bad?"},
    ]
    assert keyed == [{"load_id": "l1"}]


def test_rows_stay_in_order_after_a_merge_and_after_one_that_failed(duckdb_warehouse):
    duckdb_warehouse.initialise([EVENTS])
    in_order = "select current_setting('preserve_insertion_order') as kept"
    with duckdb_warehouse.write() as writer:
        stage(writer, "staged", [("a", MONDAY, 1, None, "f1", 1)])
        writer.merge("staged", EVENTS)
        assert writer.fetch(in_order) == [{"kept": True}]
        stage(writer, "others", [("b", MONDAY, 1, None, "f1", 2)])
        writer.reading.sql("create temp view broken as select * replace (error('no such row') as amount) from others")
        with pytest.raises(duckdb.Error, match="no such row"):
            writer.merge("broken", EVENTS)
        assert writer.fetch(in_order) == [{"kept": True}]
        assert writer.fetch("select id from raw.test_events") == [{"id": "a"}]


def test_texts_that_do_not_fit_the_compression_of_their_column_come_back_whole(settings):
    table = TableSpec(
        "raw",
        "test_texts",
        (
            ColumnSpec("id", "text"),
            ColumnSpec("said", "json"),
            ColumnSpec("few", "text", has_few_values=True),
            ColumnSpec("file_name", "text", has_few_values=True),
            ColumnSpec("file_line", "bigint"),
        ),
        key=("id",),
        version_by=("file_name", "file_line"),
    )
    random = Random(5)
    long = [random.randbytes(150_000).hex() for _ in range(12)]
    rows = [(f"{text}{n}", json.dumps(text * 4), f"{text[:200]}{n}", f"file {n}", n) for n, text in enumerate(long)]
    # As many values as rows, where few were said to come many times.
    rows += [(f"id {n}", "{}" if n % 2 else None, f"value {n}", f"file {n}", n) for n in range(12, 5_000)]
    values = zip(*rows, strict=True)
    with open_warehouse(settings) as warehouse:
        warehouse.initialise((table,))
        with warehouse.write() as writer:
            writer.reading.register(
                "staged", pa.table(dict(zip(table.column_names, map(pa.array, values), strict=True)))
            )
            writer.merge("staged", table)
    with open_warehouse(settings) as warehouse, warehouse.write() as writer:
        found = writer.fetch("select id, said, few, file_name, file_line from raw.test_texts order by file_line")
    assert [tuple(row.values()) for row in found] == rows


@pytest.mark.parametrize(("made_by", "compression"), [(None, "ZSTD"), ("v1.0.0", "FSST")])
def test_json_is_compressed_as_well_as_the_version_of_the_file_knows(settings, made_by, compression):
    if made_by:
        settings.home.mkdir()
        duckdb.connect(str(settings.warehouse_file), config={"storage_compatibility_version": made_by}).close()
    rows = [(f"id {n}", None, n, json.dumps({"session": f"{n:032x}", "is_new": True}), "f", n) for n in range(5_000)]
    with open_warehouse(settings) as warehouse:
        warehouse.initialise([EVENTS])
        merged(warehouse, rows)
        with warehouse.write() as writer:
            writer.execute("checkpoint")
            [found] = writer.fetch(
                "select list(distinct compression) as names from pragma_storage_info('raw.test_events') "
                "where column_name = 'extra' and segment_type = 'JSON'"
            )
    assert found["names"] == [compression]


class _Explained:
    """A connection that keeps the plan of every statement that has one."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self.plans: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: str, parameters: Any = None) -> Any:
        if statement.startswith(("create or replace temp table", "insert", "delete", "select")):
            self.plans += [plan for _, plan in self._connection.execute(f"explain {statement}", parameters).fetchall()]
        return self._connection.execute(statement, parameters)


def test_a_merge_of_rows_under_a_condition_groups_no_keys_of_the_table(duckdb_warehouse):
    duckdb_warehouse.initialise([EVENTS])
    merged(duckdb_warehouse, [("a", MONDAY, 1, None, "f1", 1), ("b", MONDAY, 1, None, "f1", 2)])
    with duckdb_warehouse.write() as writer:
        stage(writer, "delivered", [("a", TUESDAY, 2, None, "f2", 1), ("c", TUESDAY, 3, None, "f2", 2)])
        writer.execute("create temp table bad as select 2 as line")
        # Where no row is bad there is no condition, and the engine sees by itself what is to be done.
        writer.execute(
            "create temp view staged as select d.* from delivered as d where d.file_line not in (select line from bad)"
        )
        explained = _Explained(writer.connection)
        DuckDBWriter(cast("duckdb.DuckDBPyConnection", explained), duckdb_warehouse.settings.warehouse_file).merge(
            "staged", EVENTS
        )
    assert any("SEMI" in plan for plan in explained.plans)
    assert not [plan for plan in explained.plans if "DELIM" in plan]


def test_a_key_that_the_table_has_twice_counts_as_one_and_its_older_rows_go(duckdb_warehouse):
    """DuckDB's tables have no unique keys; PostgreSQL's cannot come to this."""
    duckdb_warehouse.initialise([EVENTS])
    # Beside a new row: the older of the two goes, the newer one stays; then both go.
    deliveries = [
        (
            [("a", TUESDAY, 3, None, "f1", 1), ("b", MONDAY, 4, None, "f1", 2)],
            MergeCounts(1, 0, 1),
            [("a", 2), ("b", 4)],
        ),
        (
            [("a", TUESDAY, 5, None, "f2", 1), ("b", MONDAY, 6, None, "f1", 2)],
            MergeCounts(1, 1, 0),
            [("a", 5), ("b", 6)],
        ),
    ]
    for rows, counts, left in deliveries:
        with duckdb_warehouse.write() as writer:
            writer.execute("delete from raw.test_events")
            for amount, at in ((1, MONDAY), (2, TUESDAY)):
                writer.execute("insert into raw.test_events values ('a', ?, ?, null, 'f1', 1)", [at, amount])
        assert merged(duckdb_warehouse, rows) == [counts]
        assert stored(duckdb_warehouse) == left


@pytest.mark.usefixtures("digests_in_memory")
def test_drawn_deliveries_leave_what_a_dictionary_of_the_greatest_versions_leaves(duckdb_warehouse):
    """Keys and versions with NULLs, rows under a condition and a join, removed rows, several sessions."""
    table = TableSpec(
        "raw",
        "test_drawn",
        (
            ColumnSpec("name", "text"),
            ColumnSpec("seen_at", "timestamp"),
            ColumnSpec("version", "bigint"),
            ColumnSpec("number", "bigint"),
            ColumnSpec("load_id", "text"),
        ),
        key=("name", "seen_at"),
        version_by=("version",),
    )
    duckdb_warehouse.initialise([table])
    random = Random(4)
    expected: dict[tuple, tuple[int | None, int]] = {}
    numbers = itertools.count()
    names, times, versions = ["", "a", "A", "é", None], [MONDAY, TUESDAY, None], [1, 2, 3, None]
    for _ in range(3):
        with duckdb_warehouse.write() as writer:
            writer.reading.sql("create temp table loads as select unnest(['l0', 'l1']) as load_id")
            for _ in range(4):
                with writer.transaction():
                    for _ in range(3):
                        gone = random.randint(0, 9)
                        writer.execute("delete from raw.test_drawn where number % 10 = ?", [gone])
                        expected = {key: found for key, found in expected.items() if found[1] % 10 != gone}
                        rows = [
                            (name, at, random.choice(versions), next(numbers), random.random() < 0.3)
                            for name in names
                            for at in times
                            if random.random() < 0.6
                        ]
                        columns = dict(
                            zip(
                                ("name", "seen_at", "version", "number", "is_bad"), zip(*rows, strict=True), strict=True
                            )
                        )
                        writer.reading.register("delivered", pa.table(columns))
                        writer.reading.sql(
                            "create or replace temp view staged as select d.* exclude (is_bad), l.load_id "
                            "from delivered as d join loads as l on l.load_id = 'l' || d.number % 2 where not d.is_bad"
                        )
                        counts = writer.merge("staged", table, counted_by="load_id")
                        good = {(name, at): (version, number) for name, at, version, number, bad in rows if not bad}
                        known = {key: found for key, found in good.items() if key in expected}
                        # Versions begin with 1, so 0 is below all of them.
                        later = {key for key in known if (known[key][0] or 0) > (expected[key][0] or 0)}
                        assert counts == MergeCounts(len(good) - len(known), len(later), len(known) - len(later))
                        assert counts.known == Counter(f"l{number % 2}" for _, number in known.values())
                        expected |= {key: found for key, found in good.items() if key in later or key not in known}
                found = writer.fetch("select name, seen_at, version, number from raw.test_drawn")
                assert len(found) == len(expected)
                assert {(row["name"], row["seen_at"]): (row["version"], row["number"]) for row in found} == expected


@pytest.mark.usefixtures("digests_in_memory")
def test_from_the_second_batch_on_a_table_is_asked_only_for_keys_that_it_may_have(duckdb_warehouse):
    table = replace(EVENTS, columns=(ColumnSpec("id", "bigint"),), version_by=())
    duckdb_warehouse.initialise([table])
    with duckdb_warehouse.write() as writer:
        digests = KeyDigests(writer.reading.sql, table)
        answers = []
        # Nobody keeps a table from having a key twice, which says nothing of a batch.
        writer.execute("insert into raw.test_events (id) select unnest([1, 1, 2])")
        for ids in ([3], [4], [5, 6], [1], [7], list(range(100, 160)), [2], [8], [6, 9], [200], [130, 201]):
            writer.reading.sql(f"create or replace temp view staged as select unnest({ids})::integer as id")
            answers.append(digests.may_have("staged"))
            writer.execute("insert into raw.test_events (id) select id from staged")
        assert answers == [True, False, False, True, False, False, True, False, True, False, True]


@pytest.mark.usefixtures("digests_in_memory")
def test_tables_that_are_merged_into_by_turns_know_their_keys(duckdb_warehouse):
    events = replace(EVENTS, columns=(ColumnSpec("id", "bigint"),), version_by=())
    others = replace(events, name="test_others")
    duckdb_warehouse.initialise([events, others])
    turns = [(events, 1), (events, 2), (others, 1), (others, 2), (events, 3), (others, 3), (events, 4)]
    with duckdb_warehouse.write() as writer:
        for table, number in turns:
            for is_new in (True, False):
                writer.reading.sql(f"create or replace temp view staged as select {number}::bigint as id")
                with writer.transaction():
                    assert writer.merge("staged", table) == MergeCounts(is_new, 0, not is_new)
        [left] = writer.fetch("select count(*) as n from duckdb_tables() where temporary and estimated_size > 0")
        assert left["n"] <= 1


def test_rows_of_many_row_groups_are_found_by_their_place_also_in_the_transaction_that_wrote_them(duckdb_warehouse):
    table = replace(
        EVENTS, columns=(ColumnSpec("id", "bigint"), ColumnSpec("version", "bigint")), version_by=("version",)
    )
    duckdb_warehouse.initialise([table])

    def deliver(writer, first: int, last: int, version: int) -> MergeCounts:
        writer.reading.sql(
            f"create or replace temp view staged as select i as id, {version} as version "
            f"from range({first}, {last}) r (i)"
        )
        return writer.merge("staged", table)

    left = "select version, count(*) as n, min(id) as first, max(id) as last from raw.test_events group by 1 order by 1"
    # A row group has 122,880 rows.
    with duckdb_warehouse.write() as writer:
        with writer.transaction():
            assert deliver(writer, 0, 300_000, 1) == MergeCounts(300_000, 0, 0)
            writer.execute("delete from raw.test_events where id < 130000")
            assert deliver(writer, 100_000, 200_000, 2) == MergeCounts(30_000, 70_000, 0)
        # So the places of what follows are others from now on.
        writer.execute("checkpoint")
        with writer.transaction():
            assert deliver(writer, 150_000, 310_000, 2) == MergeCounts(10_000, 100_000, 50_000)
            assert deliver(writer, 290_000, 310_000, 3) == MergeCounts(0, 20_000, 0)
        assert [tuple(row.values()) for row in writer.fetch(left)] == [
            (2, 190_000, 100_000, 289_999),
            (3, 20_000, 290_000, 309_999),
        ]


def test_replace_puts_exactly_the_given_rows_there(warehouse):
    table = TableSpec("build", "made", (ColumnSpec("team_id", "text"), ColumnSpec("hours", "double")), key=("team_id",))
    with warehouse.write() as writer:
        assert writer.replace(table, pa.table({"team_id": ["a", "b"], "hours": [1.5, None]})) == 2
        assert writer.replace(table, pa.table({"hours": [2.5], "team_id": ["c"]})) == 1
        assert writer.fetch("select * from build.made") == [{"team_id": "c", "hours": 2.5}]


def test_execute_says_how_many_rows_it_touched(warehouse):
    with warehouse.write() as writer:
        writer.append("ops.builds", [{"build_id": "1"}, {"build_id": "2"}])
        assert writer.execute("update ops.builds set outcome = ? where build_id > ?", ["built", "1"]) == 1
        assert writer.execute("delete from ops.builds") == 2


def test_staged_rows_are_appended_by_column_name(warehouse):
    with warehouse.write() as writer:
        writer.reading.sql("create temp table broken as select 'r' as reason, 'q1' as quarantine_id, 7 as file_line")
        assert writer.append_staged("broken", "raw.quarantine") == 1
        assert writer.fetch("select quarantine_id, file_line, reason, row_text from raw.quarantine") == [
            {"quarantine_id": "q1", "file_line": 7, "reason": "r", "row_text": None}
        ]


def test_initialise_adds_a_column_that_a_contract_gained_and_keeps_the_rows(warehouse):
    warehouse.initialise([EVENTS])
    merged(warehouse, [("a", MONDAY, 1, None, "f1", 1)])
    wider = TableSpec("raw", "test_events", (*EVENTS.columns, ColumnSpec("colour", "text")), key=("id",))
    warehouse.initialise([wider])
    warehouse.initialise([wider])
    with warehouse.write() as writer:
        assert writer.fetch("select id, colour from raw.test_events") == [{"id": "a", "colour": None}]


def test_a_key_is_never_null_on_postgres_and_an_older_table_learns_it(postgres_settings):
    with open_warehouse(postgres_settings) as warehouse:
        warehouse.initialise()
        with warehouse.write() as writer:
            writer.execute("create table raw.test_events (id text, amount bigint)")
        warehouse.initialise([EVENTS])
        warehouse.initialise([EVENTS])
        with warehouse.write() as writer:
            required = writer.fetch(
                "select attname as name from pg_attribute "
                "where attrelid = 'raw.test_events'::regclass and attnum > 0 and attnotnull"
            )
    assert required == [{"name": "id"}]


def test_bringing_tables_up_again_asks_the_server_a_handful_of_questions(postgres_settings, monkeypatch):
    tables = [replace(EVENTS, name=f"test_{number}") for number in range(30)]
    with open_warehouse(postgres_settings) as warehouse:
        warehouse.initialise(tables)
        asked = []
        fetch = PostgresWriter.fetch

        def counted(writer, statement, parameters=()):
            asked.append(statement)
            return fetch(writer, statement, parameters)

        def refused(writer, statement, parameters=()):
            raise AssertionError(f"nothing is to be changed: {statement}")

        monkeypatch.setattr(PostgresWriter, "fetch", counted)
        monkeypatch.setattr(PostgresWriter, "execute", refused)
        warehouse.initialise(tables)
    assert len(asked) <= 8


def test_every_text_arrives_as_it_was(warehouse):
    odd = [
        "",
        " ",
        "a,b",
        'say "so"',
        "tab\there",
        "line\nbreak",
        "carriage\rreturn",
        "back\\slash",
        "\\N",
        "\\.",
        "NULL",
    ]
    odd += ["ünïcödé ✓", "'", "a" * 100_000, "$1", "%s", None]
    spec = replace(
        EVENTS, name="odd_texts", columns=(ColumnSpec("id", "text"), ColumnSpec("text", "text")), version_by=()
    )
    warehouse.initialise([spec])
    with warehouse.write() as writer:
        staged = pa.table({"id": [f"{number:02}" for number in range(len(odd))], "text": pa.array(odd, pa.string())})
        writer.reading.register("staged", staged)
        writer.merge("staged", spec)
        assert [row["text"] for row in writer.fetch("select text from raw.odd_texts order by id")] == odd


ODD = TableSpec(
    "raw",
    "test_odd",
    (
        ColumnSpec("id", "text"),
        ColumnSpec("words", "text"),
        ColumnSpec("happened_at", "timestamp"),
        ColumnSpec("day", "date"),
        ColumnSpec("count", "bigint"),
        ColumnSpec("share", "double"),
        ColumnSpec("is_on", "boolean"),
        ColumnSpec("extra", "json"),
    ),
    key=("id",),
)


def test_values_of_every_type_come_back_as_they_were_staged(warehouse):
    words = ["", "\\N", "\\.", 'say "x", \\ and\ttab', "line\nend\r", "Żółć 🧰 e\u0301", "x" * 100_000, None]
    times = [
        *(datetime(1999, 12, 31, 23, 59, 59, 999_999), datetime(2000, 1, 1), datetime(2024, 2, 29, 12)),
        *(datetime(9999, 12, 31, 23, 59, 59), datetime(1900, 1, 1), datetime(2026, 7, 1, 0, 0, 0, 1)),
        *(datetime(1970, 1, 1), None),
    ]
    counts = [0, -1, 2**63 - 1, -(2**63), 2**31, 10**15 + 1, 1, None]
    shares = [0.1, -0.0, 1e308, 5e-324, 1 / 3, 2.0**53 + 2, 1.0, None]
    jsons = ["{}", "[]", '{"a": "\\"b\\\\"}', '{"n": 12345678901234567890}', '{"é": [null, true]}', '"x"', "1", None]
    flags = [True, False, True, False, True, False, True, None]
    columns = {
        "id": [str(number) for number in range(len(words))],
        "words": words,
        "happened_at": pa.array(times, pa.timestamp("us")),
        "day": pa.array([None if at is None else at.date() for at in times], pa.date32()),
        "count": pa.array(counts, pa.int64()),
        "share": shares,
        "is_on": flags,
        "extra": pa.array(jsons, pa.string()),
    }
    warehouse.initialise([ODD])
    with warehouse.write() as writer:
        writer.reading.register("odd", pa.table(columns))
        with writer.transaction():
            assert writer.merge("odd", ODD).inserted == len(words)
        writer.reading.unregister("odd")
        rows = writer.fetch("select * from raw.test_odd order by id")
    assert [row["words"] for row in rows] == words
    assert [row["happened_at"] for row in rows] == times
    assert [row["day"] for row in rows] == columns["day"].to_pylist()
    assert [row["count"] for row in rows] == counts
    assert [row["share"] for row in rows] == shares
    assert [row["is_on"] for row in rows] == flags
    texts = [row["extra"] for row in rows]
    assert [None if text is None else json.loads(text) for text in texts[:-1]] == [*map(json.loads, jsons[:-1])]
    assert texts[-1] is None


@pytest.mark.parametrize(
    ("value", "error"),
    [
        # What DuckDB cannot make while it streams, and what the server does not take.
        ("case when i = 500000 then error('no such row') else i::varchar end", ReadingError),
        ("case when i = 100000 then 'a' || chr(0) else i::varchar end", psycopg.errors.CharacterNotInRepertoire),
    ],
)
def test_a_copy_that_fails_half_way_leaves_nothing_and_the_session_usable(postgres_settings, value, error):
    with open_warehouse(postgres_settings) as warehouse:
        warehouse.initialise([EVENTS])
        with warehouse.write() as writer:
            writer.reading.sql(
                f"create temp view half as select {value} as id, null::timestamp as updated_at, i as amount, "
                "null::json as extra, 'f' as file_name, i as file_line, i as number from range(600000) as rows (i)"
            )
            with pytest.raises(error), writer.transaction():
                writer.merge("half", EVENTS, numbered_by="number")
            assert writer.reading.sql("select 1 as one")["one"].to_pylist() == [1]
            assert writer.fetch("select count(*) as n from raw.test_events") == [{"n": 0}]
