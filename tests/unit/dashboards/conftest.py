"""An empty published warehouse: every table as its contract has it, and no row in any."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import streamlit as st
import yaml

from orchestration.analysis_step import SKILL_SUGGESTIONS
from warehouse import open_warehouse
from warehouse.publish import publish
from warehouse.published import PEOPLE, PUBLISHED
from warehouse.settings import PROJECT_ROOT, Settings, load_settings
from warehouse.tables import ColumnSpec, ColumnType, TableSpec

TEXTS = ("table_name", "column_name", "label", "unit", "definition", "worked_example", "definition_version")
TYPES: dict[str, ColumnType] = {"integer": "bigint", "double precision": "double"}
ARROW = {"text": pa.string(), "bigint": pa.int64(), "double": pa.float64(), "boolean": pa.bool_(), "date": pa.date32()}


PERSON_COUNTS: dict[str, ColumnType] = dict.fromkeys(("uses", "successes", "failures", "unknown"), "bigint")
PERSONS: dict[str, dict[str, ColumnType]] = {
    "fct_skill_days": {"team_id": "text", "actor_key": "text", "skill_name": "text", "day": "date", **PERSON_COUNTS},
    "fct_person_windows": {
        **{"actor_key": "text", "skill_name": "text", "period_end": "date", "period_days": "bigint"},
        **PERSON_COUNTS,
        **{"active_days": "bigint", "active_skills": "bigint"},
        **dict.fromkeys(("previous_active_days", "previous_active_skills"), "bigint"),
        **dict.fromkeys(("previous_uses", "previous_successes"), "bigint"),
    },
    "dim_team_members": {
        **{"team_id": "text", "actor_key": "text", "role": "text"},
        **{"joined_at": "timestamp", "left_at": "timestamp"},
    },
}
"""Columns of the tables of persons that pages read; they have no contract."""


def _contracts() -> dict[str, dict[str, ColumnType]]:
    """The columns of every model that has a contract."""
    found = {}
    for path in (PROJECT_ROOT / "dbt_project" / "models" / "metrics").rglob("*.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8")).get("models", []):
            found[model["name"]] = {column["name"]: _type(column["data_type"]) for column in model["columns"]}
    found[SKILL_SUGGESTIONS.name] = {column.name: column.type for column in SKILL_SUGGESTIONS.columns}
    # Written by the build from the texts of all the others, so no model of its own.
    found["metric_definitions"] = dict.fromkeys(TEXTS, "text") | {"computed_at": "timestamp"}
    return found


def _type(declared: str) -> Any:
    return "timestamp" if "timestamp" in declared else TYPES.get(declared, declared)


@pytest.fixture(scope="session")
def empty_settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of an installation whose published tables are all empty but for the one check that published them."""
    settings = load_settings(home=tmp_path_factory.mktemp("empty"), demo=True)
    now = datetime.now(UTC).replace(microsecond=0)
    contracts = _contracts()
    with open_warehouse(settings) as warehouse:
        warehouse.initialise()
        with warehouse.write() as writer:
            for table in PUBLISHED + PEOPLE:
                if table.source_schema in ("raw", "ops"):
                    continue
                columns = contracts[table.name] if table not in PEOPLE else PERSONS[table.name]
                spec = TableSpec(
                    table.source_schema, table.name, tuple(ColumnSpec(n, t) for n, t in columns.items()), table.key
                )
                writer.replace(
                    spec, pa.table({n: pa.array([], ARROW.get(t, pa.timestamp("us"))) for n, t in columns.items()})
                )
            check = {"build_id": "b1", "check_name": "rows", "border": "metrics", "table_name": "build.teams"}
            check |= {"column_name": "", "severity": "blocking", "status": "passed", "reason": "", "checked_at": now}
            writer.append("ops.check_results", [check])
        publish(warehouse, build_id="b1", as_of=now)
    return settings


@pytest.fixture
def empty_home(empty_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The home of the empty installation, for the app to run on."""
    monkeypatch.setenv("SKILLSMITH_HOME", str(empty_settings.home))
    monkeypatch.setenv("SKILLSMITH_DEMO", "1")
    st.cache_resource.clear()
    yield empty_settings.home
    st.cache_resource.clear()
