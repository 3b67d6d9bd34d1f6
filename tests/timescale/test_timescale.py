"""The TimescaleDB features that production stands on, seen working once: a smoke test, not a suite.

Ten days of hourly readings: value 1 to 240, so a day's sum is known (day 1: 1 + .. + 24 = 300).
"""

import psycopg
import pytest

pytestmark = [pytest.mark.timescale, pytest.mark.long]

HOURS = 240
FIRST_DAY_SUM = 300
ALL_SUM = 28_920  # 240 * 241 / 2


@pytest.fixture
def readings(timescale: psycopg.Connection) -> psycopg.Connection:
    """A client with the hypertable smoke.readings, one chunk a day."""
    timescale.execute("create table smoke.readings (read_at timestamptz not null, probe text not null, value bigint)")
    timescale.execute("select create_hypertable('smoke.readings', 'read_at', chunk_time_interval => interval '1 day')")
    timescale.execute(
        "insert into smoke.readings"
        " select timestamptz '2026-01-01 00:00+00' + make_interval(hours => n - 1), 'a', n"
        f" from generate_series(1, {HOURS}) as n"
    )
    return timescale


def _value(connection: psycopg.Connection, query: str) -> object:
    row = connection.execute(query).fetchone()  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert row is not None
    return row[0]


def test_the_extension_is_there(timescale):
    assert _value(timescale, "select count(*) from pg_extension where extname = 'timescaledb'") == 1


def test_a_hypertable_splits_ten_days_into_ten_chunks(readings):
    assert _value(readings, "select count(*) from show_chunks('smoke.readings')") == 10
    assert _value(readings, "select sum(value) from smoke.readings") == ALL_SUM


def test_a_compressed_chunk_gives_the_same_rows_and_takes_new_ones(readings):
    readings.execute(
        "alter table smoke.readings set (timescaledb.compress, timescaledb.compress_segmentby = 'probe',"
        " timescaledb.compress_orderby = 'read_at')"
    )
    readings.execute(
        "select compress_chunk(chunk) from show_chunks('smoke.readings', older_than => '2026-01-03') as chunk"
    )

    compressed = (
        "select count(*) from timescaledb_information.chunks where hypertable_name = 'readings' and is_compressed"
    )
    assert _value(readings, compressed) == 2
    assert _value(readings, "select sum(value) from smoke.readings") == ALL_SUM
    # A late row lands in a compressed day; a window is replaced by delete and insert, as dbt's models do it.
    readings.execute("insert into smoke.readings values ('2026-01-01 00:30+00', 'a', 1000)")
    readings.execute("delete from smoke.readings where read_at < '2026-01-02' and value <= 24")
    assert _value(readings, "select sum(value) from smoke.readings where read_at < '2026-01-02'") == 1000


def test_a_continuous_aggregate_holds_each_days_sum_once_refreshed(readings):
    readings.execute(
        "create materialized view smoke.daily with (timescaledb.continuous) as"
        " select time_bucket('1 day', read_at) as day, sum(value) as total from smoke.readings group by 1 with no data"
    )
    readings.execute("call refresh_continuous_aggregate('smoke.daily', null, null)")

    days = readings.execute("select day::date::text, total from smoke.daily order by day").fetchall()
    assert len(days) == 10
    assert days[0] == ("2026-01-01", FIRST_DAY_SUM)
    assert sum(total for _, total in days) == ALL_SUM


def test_a_retention_policy_drops_old_chunks_when_its_job_runs(readings):
    job = _value(readings, "select add_retention_policy('smoke.readings', drop_after => interval '1 day')")
    # Everything above lies long before today, so the job has every chunk to drop.
    readings.execute(f"call run_job({job})")
    assert _value(readings, "select count(*) from show_chunks('smoke.readings')") == 0


def test_a_failed_statement_leaves_the_connection_usable(timescale):
    with pytest.raises(psycopg.errors.DivisionByZero):
        timescale.execute("select 1 / 0")
    assert _value(timescale, "select 7") == 7


def test_statements_sent_in_one_go_are_answered_in_order(timescale):
    with timescale.pipeline():
        first, second = timescale.execute("select 1"), timescale.execute("select 2")
    assert (first.fetchone(), second.fetchone()) == ((1,), (2,))


def test_rows_travel_by_copy(timescale):
    timescale.execute("create table smoke.copied (n bigint)")
    with timescale.cursor().copy("copy smoke.copied from stdin") as copy:
        for n in range(1, 101):
            copy.write_row((n,))
    assert _value(timescale, "select sum(n) from smoke.copied") == 5_050
