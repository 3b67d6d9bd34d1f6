"""What dbt asks of DuckDB for a build and for the next one, told once and asked again of small worlds in memory.

A run of dbt takes seconds, a property needs hundreds of builds. So dbt builds twice with a clock that no world has,
from nothing and upon that, and every statement that changes something is kept, with the questions whose answers dbt
puts into the next statements. Asked again with another clock in the place of that one, they are a build.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from ingest.contracts import CONTRACTS
from orchestration.dbt_runner import manifest_of, run_dbt
from warehouse import Warehouse
from warehouse.duckdb import DuckDBWriter

RECORDED = (
    "team_skill_usage", "team_activity", "team_installed_skills", "excluded_events", "account_activity", "teams",
    "team_onboarding", "team_onboarding_summary", "skill_retention_curve", "team_recommendations", "skill_quality",
    "team_time_saved_uses", "int_time_saved_hours",
)  # fmt: skip
"""Everything that a property is tested of."""

_CLOCK = datetime(2345, 6, 7, 8, 9, 10, tzinfo=UTC)
_STARTED = datetime(2346, 7, 8, 9, 10, 11, tzinfo=UTC)
# Answers to dbt's questions that stand for whatever the answer will be.
_QUESTIONS = {
    "select cast(coalesce(min(changed_from)": ("2347-08-09",),
    "select cast(min(day) as text) as first_day": ("2348-09-10", "2349-10-11"),
}
_CHANGES = ("create", "drop", "delete", "insert", "copy", "alter", "update")


@dataclass(frozen=True)
class Statement:
    """One statement of a node; `answers`: of a question, what stands for its answer in those after it."""

    node: str
    sql: str
    answers: tuple[str, ...] = ()


@dataclass
class Recording:
    """A build from nothing, the next one upon it, and what has to be there before."""

    tables: list[str] = field(default_factory=list)
    first: list[Statement] = field(default_factory=list)
    following: list[Statement] = field(default_factory=list)
    parents: dict[str, list[str]] = field(default_factory=dict)

    def only_for(self, *models: str) -> "Recording":
        """What these models need."""
        needed, left = set[str](), [f"model.skillsmith.{model}" for model in models]
        while left:
            needed.add(node := left.pop())
            left += [parent for parent in self.parents.get(node, []) if parent not in needed]
        return Recording(
            self.tables,
            [statement for statement in self.first if statement.node in needed],
            [statement for statement in self.following if statement.node in needed],
        )


def record(warehouse: Warehouse, models: Sequence[str]) -> Recording:
    """Have dbt build the models twice in an empty warehouse."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    made, add_query = Recording(), DuckDBConnectionManager.add_query
    warehouse.initialise([contract.table for contract in CONTRACTS.values()])
    with warehouse.write() as writer:
        rows = writer.fetch("select sql from duckdb_tables() where not temporary and schema_name in ('raw', 'ops')")
        made.tables = [row["sql"] for row in rows]
    made.parents = manifest_of(warehouse)["parent_map"]
    told = made.first

    def note(self: Any, sql: str, *args: Any, **kwargs: Any) -> Any:
        text = re.sub(r"^\s*/\*.*?\*/", "", sql, count=1, flags=re.DOTALL).strip()
        said, node = " ".join(text.split()).lower(), self.get_thread_connection().name
        answers = next((days for question, days in _QUESTIONS.items() if said.startswith(question)), ())
        if node.startswith(("model.", "seed.")) and (answers or said.startswith(_CHANGES)):
            told.append(Statement(node, text, answers))
        if answers:
            names = ("first_day", "last_day") if len(answers) == 2 else ("day",)
            sql = "select " + ", ".join(f"'{day}' as {name}" for day, name in zip(answers, names, strict=True))
        return add_query(self, sql, *args, **kwargs)

    left_out = ("--exclude", "resource_type:unit_test", "resource_type:test", "--threads", "1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DuckDBConnectionManager, "add_query", note)
        for statements in (made.first, made.following):
            told = statements
            command = ["build", "--select", *(f"+{model}" for model in models), *left_out]
            run_dbt(warehouse, command, as_of=_CLOCK, run_started_at=_STARTED)
    return made


class ReplayedWarehouse:
    """A DuckDB in memory that answers to as much of a warehouse as tests need."""

    def __init__(self, recording: Recording) -> None:
        self._recording = recording
        self._is_built = False
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        self._connection.execute("set TimeZone = 'UTC'")
        self._connection.execute("attach ':memory:' as warehouse; use warehouse")
        for schema in ("raw", "ops", "seeds", "staging", "intermediate", "marts", "build"):
            self._connection.execute(f"create schema {schema}")
        for table in recording.tables:
            self._connection.execute(table)

    @contextmanager
    def write(self) -> Iterator[DuckDBWriter]:
        """The writing session."""
        yield DuckDBWriter(self._connection, Path(":memory:"))

    def initialise(self, tables: Any = ()) -> None:
        """Its tables are there."""

    def build(self, as_of: datetime, *, started_at: datetime | None = None) -> None:
        """Ask what dbt asks for a build as of a time: from nothing at first, then upon what is there."""
        said = {
            _text(_CLOCK): _text(as_of),
            _text(_CLOCK)[:10]: _text(as_of)[:10],
            _text(_STARTED): _text(started_at or as_of),
        }
        answered: dict[str, str] = {}
        for statement in self._recording.following if self._is_built else self._recording.first:
            sql = statement.sql
            for mark, value in {**said, **answered}.items():
                sql = sql.replace(mark, value)
            found = self._connection.execute(sql)
            if statement.answers:
                row = found.fetchone() or ()
                given = ("9999-12-31", "0001-01-01") if len(row) == 2 else ("9999-12-31",)
                answered |= {
                    mark: other if day is None else str(day)
                    for mark, day, other in zip(statement.answers, row, given, strict=True)
                }
        self._is_built = True

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
