"""What dbt parsed is kept beside its other files: a process reads the project only where that has changed."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestration import dbt_runner
from orchestration.dbt_runner import manifest_of
from warehouse import Warehouse


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """Other tests of this process keep what they have parsed."""
    parsed, runners = dict(dbt_runner._PARSED), dict(dbt_runner._RUNNERS)
    yield
    for kept, before in ((dbt_runner._PARSED, parsed), (dbt_runner._RUNNERS, runners)):
        kept.clear()
        kept.update(before)


def _in_a_new_process(warehouse: Warehouse) -> dict[str, Any]:
    """The manifest, where nothing is in memory any more."""
    dbt_runner._PARSED.clear()
    dbt_runner._RUNNERS.clear()
    return manifest_of(warehouse)


class _ParsedAnewError(Exception):
    pass


def _refuse(*_: Any) -> None:
    raise _ParsedAnewError


def test_an_unchanged_project_is_parsed_once_and_a_changed_one_again(
    duckdb_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = _in_a_new_process(duckdb_warehouse)
    monkeypatch.setattr(dbt_runner._Runner, "_parse_anew", _refuse)
    assert _in_a_new_process(duckdb_warehouse) == first

    changed = tmp_path / "project"
    (changed / "models").mkdir(parents=True)
    (changed / "models" / "new.sql").write_text("select 1 as one")
    monkeypatch.setattr(dbt_runner, "DBT_PROJECT", changed)
    with pytest.raises(_ParsedAnewError):
        _in_a_new_process(duckdb_warehouse)


def test_a_parse_that_was_not_kept_whole_is_done_again(
    duckdb_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _in_a_new_process(duckdb_warehouse)
    monkeypatch.setattr(dbt_runner._Runner, "_parse_anew", _refuse)
    folder = duckdb_warehouse.settings.home / "dbt"
    for name in ("parsed.json", "target/partial_parse.msgpack", "target/manifest.json"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[:-10])
        with pytest.raises(_ParsedAnewError):
            _in_a_new_process(duckdb_warehouse)
        (folder / name).unlink()
        with pytest.raises(_ParsedAnewError):
            _in_a_new_process(duckdb_warehouse)
        (folder / name).write_bytes(whole)
    _in_a_new_process(duckdb_warehouse)
