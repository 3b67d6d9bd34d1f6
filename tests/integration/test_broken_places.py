"""Commands in a home that is none, or whose files are not ours: one line that says what to do, and no trace."""

import os
from pathlib import Path

import pytest

from orchestration.cli import run


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SKILLSMITH_SECRET", "a key for tests only")
    monkeypatch.setenv("SKILLSMITH_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.mark.parametrize("command", ["status", "query arr_plan"])
def test_a_home_that_is_a_file_is_said_to_be_none(home: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    home.write_text("")
    assert run(command.split()) == 1
    assert "check --home" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["current.json", "attempt.json"])
@pytest.mark.parametrize("content", ["garbage", "{}", "[]", '{"at": "yesterday"}'])
def test_a_damaged_pointer_or_attempt_is_named(
    home: Path, name: str, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "published").mkdir(parents=True)
    (home / "published" / name).write_text(content)
    assert run(["status"]) == 1
    said = capsys.readouterr().err
    assert (name in said, "move it aside" in said) == (True, True)


@pytest.mark.parametrize("command", ["status", "gaps list", "check"])
def test_a_warehouse_that_is_no_database_is_named(home: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    home.mkdir()
    (home / "warehouse.duckdb").write_text("no database")
    assert run(command.split()) == 1
    assert "warehouse.duckdb is damaged" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["status", "gaps list", "check"])
def test_a_folder_in_place_of_the_warehouse_is_named(
    home: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # A container makes one where it is to mount a file that is not there.
    (home / "warehouse.duckdb").mkdir(parents=True)
    assert run(command.split()) != 0
    said = capsys.readouterr().err
    assert ("Traceback" in said, said.count("error: ")) == (False, 1)


def test_who_reads_live_sources_alone_needs_no_drop_folder(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["import"]) == 2
    assert f"drop folder {home / 'drop'} is not there" in capsys.readouterr().err
    monkeypatch.setenv("SKILLSMITH_STATUS_URL", "http://127.0.0.1:9/status")
    assert run(["import"]) == 0
    # A place that was named is meant to be there.
    monkeypatch.setenv("SKILLSMITH_DROP", str(home / "elsewhere"))
    assert run(["import"]) == 2


def test_a_clock_in_the_future_is_refused(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["refresh", "--as-of", "2199-01-01"]) == 2
    assert "lies in the future" in capsys.readouterr().err
    assert not home.exists()


@pytest.mark.parametrize(
    "command",
    ["quarantine list", "quarantine show", "quarantine discard --yes", "gaps list", "gaps accept 1f --because it"],
)
def test_a_home_that_was_mistyped_is_not_made(home: Path, command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(command.split()) == 2
    assert f"there is no warehouse in {home}" in capsys.readouterr().err
    assert not home.exists()


def test_a_home_that_is_not_ours_to_write_still_says_what_is_published(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    home.mkdir()
    (home / "warehouse.duckdb").touch()
    monkeypatch.setattr(os, "access", lambda path, mode: not (path == home and mode == os.W_OK))
    assert run(["status"]) == 0
    said = capsys.readouterr().out
    assert ("nothing yet" in said, "only by who may write in" in said) == (True, True)


def test_a_gap_is_not_accepted_without_a_reason(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init"]) == 0
    assert run(["gaps", "accept", "1f", "--because", "  "]) == 2
    assert "say why" in capsys.readouterr().err
