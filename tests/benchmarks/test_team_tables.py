"""What a team's tables cost from nothing, against one hand-written DuckDB query for the main figures of each.

The query joins every use with every window that it lies in and counts distinct people, which is the definition read
aloud; both run on the same file with two threads, and have to agree. SKILLSMITH_TEST_BENCH_EVENTS sets the size of the
world.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from ingest.files import import_drop
from ingest.simulator import simulate
from orchestration.dbt_runner import run_dbt
from orchestration.pipeline import build
from warehouse import Warehouse, open_warehouse
from warehouse.settings import load_settings

pytestmark = pytest.mark.long

EVENTS = int(os.environ.get("SKILLSMITH_TEST_BENCH_EVENTS", "1000000"))
UNTIL = datetime(2026, 10, 31, tzinfo=UTC)
AS_OF = UNTIL + timedelta(days=1, hours=6)
MOST_TIMES_HAND_WRITTEN = 3.0

# What a user did, seated and on purpose, scrapers' days left out.
_USES = """
uses as (
    select seats.account_id, seats.team_id, events.actor_key, events.day, success,
        coalesce(names.skill_name, events.given) as skill_name
    from (
        select actor_key, ip_prefix, cast(created_at as date) as day, metadata ->> 'skill_name' as given,
            try_cast(metadata ->> 'success' as boolean) as success
        from raw.registry_events
        where event_type = 'telemetry:skill_invoke' and created_at < $as_of and (metadata ->> 'skill_name') <> ''
            and coalesce(
                try_cast(metadata ->> 'user_initiated' as boolean),
                not coalesce(try_cast(metadata ->> 'agent_session' as boolean), false)
            )
    ) as events
    join intermediate.int_seat_spans as seats
        on seats.actor_key = events.actor_key and events.day between seats.first_day and seats.last_day
    join marts.dim_teams as teams on teams.team_id = seats.team_id
    left join intermediate.int_skill_names as names on names.skill_name_given = events.given
    where not exists (
        select 1 from intermediate.int_scraper_days as scrapers
        where not scrapers.is_day_mark and scrapers.day = events.day
            and scrapers.scraper = case scrapers.kind when 'actor' then events.actor_key else events.ip_prefix end
    )
)
"""
_FIGURES = """
    count(distinct actor_key) filter (where success) as {people}, count(*) as uses,
    count(*) filter (where success) as successes, count(distinct (actor_key, day)) filter (where success) as user_days
from uses join intermediate.int_windows as windows on uses.day between windows.period_start and windows.period_end
"""
_SKILLS = (
    f"with {_USES} select team_id, skill_name, period_end, period_days, {_FIGURES.format(people='users')} group by all"
)
_TEAMS = f"""
with {_USES},
active as (select team_id, period_end, period_days, {_FIGURES.format(people="active_users")} group by all),
seated as (
    select team_id, period_end, period_days, count(distinct actor_key) as seats
    from intermediate.int_seat_spans join intermediate.int_windows
        on first_day <= period_end and last_day >= period_start
    group by all
)
select team_id, period_end, period_days, seated.seats, active.* exclude (team_id, period_end, period_days)
from active join seated using (team_id, period_end, period_days)
"""


@dataclass(frozen=True)
class Table:
    """A published table, the models that only it and its like need, and the query for its main figures."""

    name: str
    models: str
    query: str
    key: tuple[str, ...]
    figures: tuple[str, ...]


TABLES = (
    Table(
        "team_skill_usage",
        "int_skill_use_days int_team_skill_days int_skill_windows team_skill_usage",
        _SKILLS,
        ("team_id", "skill_name", "period_end", "period_days"),
        ("users", "uses", "successes", "user_days"),
    ),
    Table(
        "team_activity",
        "int_skill_use_days int_team_user_days int_team_windows int_habitual_users int_seat_states team_activity",
        _TEAMS,
        ("team_id", "period_end", "period_days"),
        ("seats", "active_users", "uses", "successes", "user_days"),
    ),
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A year of a hundred accounts, built."""
    home = tmp_path_factory.mktemp("built")
    simulate(home / "drop", days=365, accounts=100, seed=7, events=EVENTS, until=UNTIL.date())
    with open_warehouse(load_settings(home=home, secret="a key for tests only")) as warehouse:
        import_drop(warehouse, home / "drop", as_of=AS_OF)
        build(warehouse, as_of=AS_OF)
        yield warehouse


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_a_table_takes_no_three_times_its_hand_written_query(built: Warehouse, table: Table) -> None:
    command = ["run", "--full-refresh", "--threads", "1", "--select", *table.models.split()]
    run = run_dbt(built, command, as_of=AS_OF)
    ours = sum(result.seconds for result in run.results)
    with duckdb.connect(str(Path(built.settings.home) / "warehouse.duckdb"), config={"threads": 2}) as engine:
        engine.execute("set TimeZone = 'UTC'")
        begun = time.perf_counter()
        engine.execute(f"create temp table by_hand as {table.query}", {"as_of": AS_OF.replace(tzinfo=None)})
        by_hand = time.perf_counter() - begun
        compared = " or ".join(f"b.{name} is distinct from o.{name}" for name in table.figures)
        rows, others = engine.execute(
            f"select count(*), count(*) filter (where {compared}) from by_hand as b "
            f"left join build.{table.name} as o using ({', '.join(table.key)})"
        ).fetchone() or (0, 0)
    print(
        f"\n{table.name}, {EVENTS:,} events: {ours:.1f} s for {len(run.results)} models, {by_hand:.1f} s by hand "
        f"({rows:,} rows): {ours / by_hand:.2f} times"
    )
    assert rows > 1000
    assert others == 0
    assert ours <= MOST_TIMES_HAND_WRITTEN * by_hand
