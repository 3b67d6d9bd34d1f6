"""No model of a server's day compares each row with each other: what PostgreSQL did for every one of them.

A planner that takes a filtered window function for one row joins by loops, which ends for a test's world and for no
company's. So what was compared is counted, not what was estimated or how long it took.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from orchestration.dbt_runner import manifest_of
from tests.integration.compiled_day import compiled_day, compiled_sql
from warehouse.settings import Settings

pytestmark = pytest.mark.long

MOST_COMPARED = 40
"""Times that a row may be compared, of all that a model reads and makes: windows of a year end on 80 days."""
FEW = 200_000
"""Comparisons that take no time whatever they are a square of."""


def steps(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", []):
        yield from steps(below)


def times(step: dict[str, Any], name: str) -> float:
    return step.get(name, 0) * step["Actual Loops"]


def compared_and_handled(connection: psycopg.Connection, sql: str) -> tuple[float, float]:
    """Rows that a statement's joins compared, and rows that it read or that any of its steps gave."""
    row = connection.execute(f"explain (analyze, format json, timing off) {sql}".encode()).fetchone()
    assert row is not None
    plan = list(steps(row[0][0]["Plan"]))
    compared = sum(times(step, "Rows Removed by Join Filter") for step in plan)
    for step in plan:
        if step["Node Type"] == "Nested Loop":
            inner = step["Plans"][1]
            compared += times(inner, "Actual Rows") + times(inner, "Rows Removed by Filter")
    # What loops have read again and again is what is asked about, and no measure of the work.
    handled = sum(
        step.get("Actual Rows", 0) + step.get("Rows Removed by Filter", 0)
        for step in plan
        if step["Node Type"] != "Materialize"
    )
    return compared, handled


def is_too_much(compared: float, handled: float) -> bool:
    return compared > max(FEW, MOST_COMPARED * handled)


def test_no_model_of_a_day_compares_every_row_with_every_other(postgres_settings: Settings, tmp_path: Path) -> None:
    with compiled_day(postgres_settings, tmp_path, days=60, accounts=10, events=40_000) as warehouse:
        models = [node for node in manifest_of(warehouse)["nodes"].values() if node["resource_type"] == "model"]

    found = {}
    assert postgres_settings.warehouse_url is not None
    with psycopg.connect(
        postgres_settings.warehouse_url.get_secret_value(),
        options="-c timezone=UTC -c statement_timeout=120000",
    ) as connection:
        for model in models:
            by_hash = any("joins_by_hash" in hook["sql"] for hook in model["config"]["pre-hook"])
            connection.execute(b"set local enable_nestloop = off" if by_hash else b"select 1")
            connection.execute(b"set local enable_mergejoin = off" if by_hash else b"select 1")
            found[model["name"]] = compared_and_handled(connection, compiled_sql(postgres_settings, model["name"]))
            connection.rollback()
    assert {"int_recommendation_episodes", "skill_pairs", "team_recommendations"} <= found.keys()
    assert {name: counts for name, counts in found.items() if is_too_much(*counts)} == {}


def test_a_join_of_everything_with_everything_is_noticed(postgres_url: str) -> None:
    both = "select count(*) from generate_series(1, 3000) as a join generate_series(1, 3000) as b on"
    with psycopg.connect(postgres_url) as connection:
        assert is_too_much(*compared_and_handled(connection, f"{both} a + 0 < b - 2990"))
        assert not is_too_much(*compared_and_handled(connection, f"{both} a = b"))
