import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from orchestration.cli import cli, run
from warehouse.errors import BlockingChecksFailedError, StorageError

COMMANDS = sorted(cli.commands)


def test_the_command_has_every_verb() -> None:
    assert (
        sorted(
            [
                "build",
                "check",
                "dashboard",
                "dev",
                "erase",
                "gaps",
                "import",
                "init",
                "mend-keys",
                "prepare",
                "publish",
                "pull",
                "quarantine",
                "query",
                "refresh",
                "retention",
                "simulate",
                "status",
            ]
        )
        == COMMANDS
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    assert f"Example: skillsmith-analytics {name}" in capsys.readouterr().out


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from orchestration.cli import run; run(['--help']);"
        "heavy = {'dagster', 'dbt', 'great_expectations', 'streamlit', 'duckdb', 'pandas', 'pyarrow', 'rich'};"
        "print(sorted(heavy & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["build", "--as-of", "soon"], "is not a time"),
        (["query", "no_such_table"], "there is no published table 'no_such_table'"),
        (["nonsense"], "No such command"),
        (["query"], "Missing argument"),
    ],
)
def test_a_wrong_call_is_one_line_and_exit_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.startswith("error: ")
    assert error.count("\n") == 1


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StorageError("the disk is\nfull; free some space"), 1),
        (BlockingChecksFailedError("blocking checks failed: x"), 3),
        (KeyboardInterrupt(), 130),
    ],
)
def test_the_kind_of_error_decides_the_exit_code(
    error: BaseException, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(_settings: object) -> None:
        raise error

    monkeypatch.setattr("orchestration.status.read_status", fail)
    assert run(["status"]) == code
    assert "\n" not in capsys.readouterr().err.strip()


def test_what_nobody_foresaw_crashes_with_its_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_settings: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("orchestration.status.read_status", fail)
    with pytest.raises(ZeroDivisionError):
        run(["status"])


def test_status_before_anything_exists_is_a_clear_empty_state(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "home"
    assert run(["status", "--json", "--home", str(home)]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["snapshot"] is None
    assert status["last_build"] is None
    assert status["is_writing"] is False
    assert not home.exists()


def test_a_place_may_be_given_before_or_after_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run(["--home", str(tmp_path / "a"), "status", "--json"])
    assert json.loads(capsys.readouterr().out)["home"] == str(tmp_path / "a")
    run(["--home", str(tmp_path / "a"), "status", "--json", "--home", str(tmp_path / "b")])
    assert json.loads(capsys.readouterr().out)["home"] == str(tmp_path / "b")


def test_a_query_before_the_first_snapshot_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["query", "arr_plan", "--home", str(tmp_path / "home")]) == 1
    assert "run `skillsmith-analytics refresh` first" in capsys.readouterr().err


def test_a_taken_port_is_said_before_anything_starts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as other:
        other.bind(("", 0))
        other.listen()
        port = other.getsockname()[1]
        assert run(["dashboard", "--home", str(tmp_path / "home"), "--port", str(port)]) == 1
    assert f"port {port} cannot be used" in capsys.readouterr().err
