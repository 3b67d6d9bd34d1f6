"""What dbt parsed is kept: a process reads the project only where that has changed."""

import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from orchestration import dbt_kept, dbt_runner
from orchestration.dbt_runner import manifest_of, run_dbt
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


@pytest.fixture
def kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Where a parse is kept, with a place before it that cannot be written."""
    (tmp_path / "a file").touch()
    folder = tmp_path / "kept"
    monkeypatch.setattr(dbt_runner, "places", lambda _: (tmp_path / "a file" / "kept", folder))
    return folder


def test_an_unchanged_project_is_parsed_once_and_a_changed_one_again(
    duckdb_warehouse: Warehouse, kept: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = _in_a_new_process(duckdb_warehouse)
    # What has just been parsed can be run, and again as if nothing had been.
    for _ in range(2):
        compiled = run_dbt(duckdb_warehouse, ["compile", "--select", "int_components"], as_of=datetime(2026, 7, 1))
        assert {result.status for result in compiled.results} == {"success"}
    assert not dbt_runner._runner(duckdb_warehouse)._parse().manifest.nodes["model.skillsmith.int_components"].compiled
    assert [path.name[0] == "." for path in kept.iterdir() if path.is_dir()] == [False]
    monkeypatch.setattr(dbt_runner._Runner, "_parse_anew", _refuse)
    assert _in_a_new_process(duckdb_warehouse) == first

    changed = tmp_path / "project"
    (changed / "models").mkdir(parents=True)
    (changed / "models" / "new.sql").write_text("select 1 as one")
    monkeypatch.setattr(dbt_kept, "DBT_PROJECT", changed)
    with pytest.raises(_ParsedAnewError):
        _in_a_new_process(duckdb_warehouse)


@pytest.mark.long
def test_a_parse_that_was_not_kept_whole_is_done_again(
    duckdb_warehouse: Warehouse, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _in_a_new_process(duckdb_warehouse)
    parse_anew = dbt_runner._Runner._parse_anew
    monkeypatch.setattr(dbt_runner._Runner, "_parse_anew", _refuse)
    (folder,) = (path for path in kept.iterdir() if path.is_dir())
    for name in ("partial_parse.msgpack", "manifest.json"):
        whole = (folder / name).read_bytes()
        (folder / name).write_bytes(whole[:-10])
        with pytest.raises(_ParsedAnewError):
            _in_a_new_process(duckdb_warehouse)
        (folder / name).unlink()
        with pytest.raises(_ParsedAnewError):
            _in_a_new_process(duckdb_warehouse)
        (folder / name).write_bytes(whole)
    _in_a_new_process(duckdb_warehouse)

    # What was broken is whole again for the next process.
    (folder / "manifest.json").write_text("{")
    monkeypatch.setattr(dbt_runner._Runner, "_parse_anew", parse_anew)
    _in_a_new_process(duckdb_warehouse)
    monkeypatch.setattr(dbt_runner._Runner, "_parse_anew", _refuse)
    _in_a_new_process(duckdb_warehouse)


def test_only_the_latest_are_kept(tmp_path: Path) -> None:
    written, kept = tmp_path / "target", tmp_path / "kept"
    written.mkdir()
    for name in ("partial_parse.msgpack", "manifest.json"):
        (written / name).write_text("{}")
    for number in range(12):
        dbt_kept.keep_parse([kept], str(number), written)
        os.utime(kept / str(number), (number, number))
    assert sorted(path.name for path in kept.iterdir()) == sorted(map(str, range(4, 12)))


def test_a_changed_project_is_read_whole(
    duckdb_warehouse: Warehouse, kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = duckdb_warehouse.settings.home / "dbt" / "target" / "partial_parse.msgpack"
    before.parent.mkdir(parents=True)
    before.write_bytes(b"of another version")
    there: list[bool] = []

    def invoke(*_: Any, **__: Any) -> None:
        there.append(before.exists())
        raise _ParsedAnewError

    monkeypatch.setattr(dbt_runner._Runner, "_invoke", invoke)
    with pytest.raises(_ParsedAnewError):
        _in_a_new_process(duckdb_warehouse)
    assert there == [False]
