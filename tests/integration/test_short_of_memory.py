"""What the memory limit has no room for beside other tables is made again by itself."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dbt.artifacts.schemas.results import RunStatus

from ingest.files import import_drop
from orchestration import dbt_runner
from orchestration.dbt_runner import DbtError, run_dbt
from orchestration.pipeline import initialise
from warehouse import Warehouse

AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
# As DuckDB 1.5 and dbt say it.
SHORT = "Runtime Error in model {}\n  Out of Memory Error: failed to pin block of size 256.0 KiB (1.8 GiB/1.8 GiB used)"
COMMAND = ["build", "--select", "components", "sla_tiers", "int_components", "--exclude-resource-type", "unit_test"]


def is_short(monkeypatch: pytest.MonkeyPatch, model: str, times: int) -> list[list[str]]:
    """Let `model`'s first runs end as if there had been no memory for it; the commands that dbt is given."""
    commands: list[list[str]] = []
    invoke = dbt_runner._Runner._invoke

    def invoked(self: Any, command: Sequence[str], *given: Any, **named: Any) -> Any:
        outcome = invoke(self, command, *given, **named)
        if command[0] != "build":
            return outcome
        commands.append(list(command))
        for result in outcome.result.results if len(commands) <= times else ():
            if result.node.name == model:
                result.status, result.message = RunStatus.Error, SHORT.format(model)
            elif model in result.node.name:
                result.status = RunStatus.Skipped
        return outcome

    monkeypatch.setattr(dbt_runner._Runner, "_invoke", invoked)
    return commands


def test_a_table_without_room_beside_others_is_made_alone(
    duckdb_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    initialise(duckdb_warehouse)
    commands = is_short(monkeypatch, "int_components", times=1)

    run = run_dbt(duckdb_warehouse, COMMAND, as_of=AS_OF)

    assert run.made_alone == ("int_components",)
    statuses = {result.name: result.status for result in run.results}
    assert len(statuses) == len(run.results)
    assert statuses["sla_tiers"] == statuses["int_components"] == "success"
    assert statuses["grain_of_int_components"] == "pass"
    [_, alone] = commands
    assert {"int_components", "grain_of_int_components"} <= set(alone)
    assert "sla_tiers" not in alone
    assert alone[-2:] == ["--threads", "1"]


def test_what_is_built_after_an_import_has_the_memory_of_the_settings(
    duckdb_warehouse: Warehouse, tmp_path: Path
) -> None:
    (tmp_path / "drop").mkdir()

    def limit() -> str:
        with duckdb_warehouse.write() as writer:
            return writer.fetch("select current_setting('memory_limit') as said")[0]["said"]

    # A refresh keeps the file open from its first step to its last, and with it the engine.
    with duckdb_warehouse.held():
        before = limit()
        import_drop(duckdb_warehouse, tmp_path / "drop", as_of=AS_OF)
        assert limit() == before


def test_a_table_without_room_at_all_says_which_setting_to_raise(
    duckdb_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    initialise(duckdb_warehouse)
    commands = is_short(monkeypatch, "int_components", times=2)

    with pytest.raises(DbtError, match="int_components failed: SKILLSMITH_MEMORY_LIMIT is too small"):
        run_dbt(duckdb_warehouse, COMMAND, as_of=AS_OF)
    assert len(commands) == 2
