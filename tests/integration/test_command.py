"""The command when something is wrong: one line that says what to do, the right exit code, nothing half-written."""

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from ingest.simulator import simulate
from orchestration.builds import finish_build, start_build
from orchestration.cli import run
from warehouse import open_warehouse
from warehouse.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
KEY = "a key for tests only"
AS_OF = "2026-07-01T06:00:00Z"
EARLIER = "2026-06-30T06:00:00Z"
DELIVERED = ("events", "accounts", "teams", "team_members", "skills")

HOLDER = """
import sys
from orchestration.run_lock import run_lock
from warehouse.settings import load_settings
with run_lock(load_settings(home=sys.argv[1])):
    print("running", flush=True)
    sys.stdin.readline()
"""


@dataclass(frozen=True)
class Answer:
    """What one call of the command said."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line of the error; warnings may stand before it."""
        errors = [line for line in self.err.splitlines() if line.startswith("error: ")]
        assert len(errors) == 1, self.err
        assert self.err.rstrip().endswith(errors[0])
        return errors[0]

    @property
    def data(self) -> Any:
        return json.loads(self.out)


Command = Callable[..., Answer]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Calls the command in this process; what is not foreseen fails the test with its trace."""
    monkeypatch.setenv("SKILLSMITH_SECRET", KEY)

    def call(*arguments: str | Path) -> Answer:
        capsys.readouterr()
        code = run([str(argument) for argument in arguments])
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return call


@pytest.fixture(scope="module")
def drop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty days of a small company, of whom only some of the registry's entities deliver."""
    folder = tmp_path_factory.mktemp("world")
    simulate(folder / "all", days=20, accounts=8, seed=7, events=2_000, until=date(2026, 6, 30))
    for entity in DELIVERED:
        shutil.copytree(folder / "all" / "registry" / entity, folder / "drop" / "registry" / entity)
    return folder / "drop"


@pytest.fixture(scope="module")
def refreshed(drop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("refreshed") / "home"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKILLSMITH_SECRET", KEY)
        assert run(["refresh", "--home", str(folder), "--drop", str(drop), "--as-of", AS_OF, "--json"]) == 0
    return folder


@pytest.fixture
def home(refreshed: Path, tmp_path: Path) -> Path:
    """A home of one's own with the snapshot of the delivered entities."""
    return Path(shutil.copytree(refreshed, tmp_path / "home"))


@pytest.fixture
def writing(home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that is in the middle of a run in this home."""
    other = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "running\n"
    yield other
    other.communicate("\n" if other.poll() is None else None, timeout=30)


def rows_of(home: Path, table: str) -> int:
    with open_warehouse(load_settings(home=home, secret=KEY)) as warehouse, warehouse.write() as writer:
        return writer.fetch(f"select count(*) as n from {table}")[0]["n"]


def published_files(home: Path) -> dict[str, bytes]:
    """What readers see: the pointer and the snapshots. Their locks and the note of the last attempt are no data."""
    return {
        path.name: path.read_bytes()
        for path in (home / "published").iterdir()
        if path.suffix != ".lock" and path.name != "attempt.json"
    }


def put(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_entities_that_never_came_are_no_data_and_hold_nothing_up(command: Command, home: Path) -> None:
    badges = {row["table_name"]: row["badge"] for row in command("status", "--home", home, "--json").data["badges"]}

    assert {badges[table] for table in ("mrr_by_account", "mrr_bridge", "availability_daily", "slo_status")} == {"grey"}
    assert badges["team_activity"] in ("green", "amber")
    assert command("query", "team_activity", "--home", home, "--json", "--where", "uses > 0").data
    assert command("query", "availability_daily", "--home", home, "--json").data == []
    for row in command("query", "slo_status", "--home", home, "--json").data:
        assert (row["state"], row["sli"]) == ("no data", None)


@pytest.mark.long
def test_a_refresh_whose_blocking_check_fails_leaves_with_3_and_the_last_snapshot_stays(
    command: Command, home: Path, drop: Path, tmp_path: Path
) -> None:
    # A correction says that all customers were our own: their teams would vanish from every page.
    account = {"kind": "team", "is_internal": True, "created_at": "2026-01-01", "updated_at": "2026-06-30T12:00:00Z"}
    names = [row["account_id"] for row in command("query", "accounts", "--home", home, "--json").data]
    lines = [json.dumps({"account_id": name, "name": name, **account}) for name in names]
    put(tmp_path / "more", "registry/accounts/correction.ndjson", "\n".join(lines) + "\n")
    before = published_files(home)

    answer = command("refresh", "--home", home, "--drop", tmp_path / "more", "--as-of", AS_OF)

    assert answer.code == 3
    assert "no_table_shrinks_without_cause" in answer.error
    assert published_files(home) == before
    assert len(command("query", "accounts", "--home", home, "--json").data) == len(names)
    status = command("status", "--home", home, "--json").data
    assert (status["last_attempt"]["outcome"], status["last_build"]["outcome"]) == ("refused", "refused")
    failed = {(row["check_name"], row["table_name"]) for row in status["last_attempt"]["failed"]}
    assert ("no_table_shrinks_without_cause", "metrics.teams") in failed
    assert "refused" in command("status", "--home", home).out

    # It was meant: the reason of the check says how.
    assert command("check", "--home", home, "--allow-older").code == 0
    assert command("publish", "--home", home, "--allow-older").code == 0
    assert command("query", "accounts", "--home", home, "--json").data == []
    assert command("status", "--home", home, "--json").data["last_attempt"]["outcome"] == "published"


@pytest.mark.long
def test_an_older_clock_is_refused_unless_it_is_meant_and_every_step_answers_in_json(
    command: Command, home: Path, drop: Path
) -> None:
    places = ("--home", home, "--drop", drop, "--json")
    assert command("init", *places).data == {"home": str(home), "engine": "duckdb"}
    assert command("import", *places, "--as-of", EARLIER).data == {"entities": [], "refused": []}
    built = command("build", *places, "--as-of", EARLIER).data
    assert built["build"]["as_of"] == EARLIER
    assert built["rows"]["build.team_activity"] > 0
    assert command("check", *places, "--allow-older").data["build_id"] == built["build"]["build_id"]
    before = published_files(home)

    refused = command("publish", *places)

    assert (refused.code, refused.out) == (1, "")
    assert "add --allow-older" in refused.error
    assert published_files(home) == before
    assert command("status", *places).data["last_attempt"]["outcome"] == "refused"
    snapshot = command("publish", *places, "--allow-older", "--as-of", EARLIER).data
    assert (snapshot["as_of"], snapshot["data_until"]) == (EARLIER, "2026-06-29")
    shown = command("query", "snapshot", *places[:2], "--json").data
    assert [row["snapshot_id"] for row in shown] == [snapshot["snapshot_id"]]


@pytest.mark.long
def test_the_simulator_and_a_refresh_of_nothing_answer_in_json_too(command: Command, tmp_path: Path) -> None:
    world = ("--days", "2", "--accounts", "1", "--events", "10", "--until", "2026-06-30")
    answer = command("simulate", "--out", tmp_path / "drop", *world, "--json")
    assert answer.data == json.loads((tmp_path / "drop" / "answers.json").read_text())
    (tmp_path / "empty").mkdir()

    answer = command("refresh", "--home", tmp_path / "home", "--drop", tmp_path / "empty", "--as-of", AS_OF, "--json")

    assert answer.code == 0
    assert answer.data["as_of"] == AS_OF
    assert answer.data["data_until"] is None
    assert answer.err == ""
    badges = {row["badge"] for row in command("status", "--home", tmp_path / "home", "--json").data["badges"]}
    assert "grey" in badges
    assert badges <= {"grey", "green"}
    assert command("query", "team_activity", "--home", tmp_path / "home", "--json").data == []


@pytest.mark.parametrize("condition", ["nothing = 1", "a(", "1 = 1) union select * from metrics.teams --"])
def test_a_wrong_condition_is_a_wrong_call(command: Command, home: Path, condition: str) -> None:
    assert command("query", "accounts", "--home", home, "--where", condition).code == 2


def test_two_forms_of_one_answer_are_a_wrong_call(command: Command, home: Path) -> None:
    assert "give one of them" in command("query", "accounts", "--home", home, "--json", "--format", "csv").err
    assert command("query", "accounts", "--home", home, "--json", "--format", "json").data


def test_a_reader_that_has_seen_enough_ends_the_command_as_it_ends_others(home: Path) -> None:
    asked = subprocess.Popen(
        [sys.executable, "-m", "orchestration.cli", "query", "metric_definitions", "--home", home, "--format", "csv"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "SKILLSMITH_SECRET": KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert asked.stdout is not None
    # Before a byte of it is written.
    asked.stdout.close()
    assert (asked.wait(120), asked.stderr and asked.stderr.read()) == (141, b"")


def test_a_missing_drop_folder_is_one_line_of_a_real_process_and_writes_nothing(home: Path, tmp_path: Path) -> None:
    before = published_files(home)

    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "import", "--home", home, "--drop", tmp_path / "nowhere"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "SKILLSMITH_SECRET": KEY},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last == (
        f"error: drop folder {tmp_path / 'nowhere'} is not there; give the folder that files arrive in with --drop"
    )
    assert published_files(home) == before


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("registry/evnts/x.ndjson", "registry/evnts/ is no entity of registry; known are events"),
        ("registy/events/x.ndjson", "registy/ in the drop folder is no source; known are registry"),
        ("reference/prices.csv", "reference/prices.csv is no reference; known are price_book"),
    ],
)
def test_a_folder_of_no_entity_is_a_wrong_call_and_loads_nothing(
    command: Command, tmp_path: Path, name: str, says: str
) -> None:
    put(tmp_path / "drop", "finance/costs/x.csv", "month,category,amount_cents\n2026-06,tools,100\n")
    put(tmp_path / "drop", name, "x\n")

    answer = command("import", "--home", tmp_path / "home", "--drop", tmp_path / "drop")

    assert answer.code == 2
    assert says in answer.error
    # Not even the warehouse's file was needed to see it, or it holds nothing.
    assert rows_of_or_none(tmp_path / "home", "raw.finance_costs") in (None, 0)


def rows_of_or_none(home: Path, table: str) -> int | None:
    return rows_of(home, table) if (home / "warehouse.duckdb").exists() else None


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("finance/costs/second.parquet", "month,category\n", "is not parquet, as its name says"),
        ("finance/costs/second.xlsx", "PK", "unknown format"),
        ("finance/costs/second.csv", "category,amount_cents\ntools,1\n", "has no column month, which is required"),
        ("reference/holidays.csv", "day,name\n1st of May,Labour Day\n", "nothing of it is in force"),
    ],
)
def test_a_file_that_cannot_be_trusted_is_named_and_the_others_are_imported(
    command: Command, tmp_path: Path, name: str, text: str, says: str
) -> None:
    places = ("--home", tmp_path / "home", "--drop", tmp_path / "drop")
    put(tmp_path / "drop", "finance/costs/first.csv", "month,category,amount_cents\n2026-06,tools,100\n")
    put(tmp_path / "drop", name, text)

    answer = command("import", *places, "--json")

    assert answer.code == 1
    assert "1 files were refused" in answer.error
    [refused] = answer.data["refused"]
    assert refused["file_name"] == name
    assert says in refused["error"]
    assert rows_of(tmp_path / "home", "raw.finance_costs") == 1
    again = command("import", *places)
    assert f"refused {name}: " in again.err
    status = command("status", *places, "--json").data
    assert status["files_imported"] == 1
    assert status["files_refused"] == 1

    (tmp_path / "drop" / name).unlink()
    for gap in command("gaps", "list", *places, "--json").data:
        assert command("gaps", "accept", gap["gap_id"], "--because", "it was a mistake", *places).code == 0
    assert command("status", *places, "--json").data["files_refused"] == 0


@pytest.mark.parametrize(
    "step",
    [
        "init",
        "import",
        "build",
        "refresh",
        "check",
        "publish",
    ],
)
def test_a_warehouse_of_a_newer_version_is_left_alone_by_every_step(
    command: Command, home: Path, drop: Path, step: str
) -> None:
    with open_warehouse(load_settings(home=home, secret=KEY)) as warehouse, warehouse.write() as writer:
        writer.append("ops.schema_version", [{"version": 99, "applied_at": datetime(2026, 7, 1)}])
    before = published_files(home)
    builds = rows_of(home, "ops.builds")

    answer = command(step, "--home", home, "--drop", drop)

    assert answer.code == 1
    assert "newer" in answer.error
    assert published_files(home) == before
    assert rows_of(home, "ops.builds") == builds


@pytest.mark.usefixtures("writing")
def test_a_second_writer_is_told_to_wait_and_readers_go_on(command: Command, home: Path, drop: Path) -> None:
    before = published_files(home)

    for step in ("import", "publish", "refresh"):
        answer = command(step, "--home", home, "--drop", drop)

        assert answer.code == 1
        assert "another run is writing" in answer.error
        assert "wait until it ends" in answer.error
        assert published_files(home) == before

    status = command("status", "--home", home, "--json").data
    assert status["is_writing"] is True
    assert status["snapshot"] is not None
    assert command("query", "teams", "--home", home, "--json").data


def test_a_second_importer_waits_for_the_first_where_it_is_told_to(
    command: Command, home: Path, drop: Path, writing: subprocess.Popen[str], caplog: pytest.LogCaptureFixture
) -> None:
    begun = time.monotonic()
    assert command("import", "--home", home, "--drop", drop, "--wait", "0").code == 1
    assert time.monotonic() - begun < 2

    threading.Timer(4, writing.kill).start()
    answer = command("import", "--home", home, "--drop", drop, "--wait", "60")
    assert answer.code == 0
    assert [record.getMessage() for record in caplog.records if "another run" in record.getMessage()] == [
        f"another run is writing in {home}; waiting for it up to 60 seconds"
    ]


@pytest.mark.parametrize("option", ["--port", "--dagster-port"])
def test_dev_says_which_port_is_taken_before_anything_starts(command: Command, tmp_path: Path, option: str) -> None:
    with socket.socket() as taken, socket.socket() as free:
        taken.bind(("", 0))
        taken.listen()
        free.bind(("", 0))
        ports = {"--port": free.getsockname()[1], "--dagster-port": free.getsockname()[1]}
        free.close()
        ports[option] = taken.getsockname()[1]
        answer = command("dev", "--home", tmp_path / "home", *(str(part) for pair in ports.items() for part in pair))
    assert answer.code == 1
    assert f"port {ports[option]} cannot be used" in answer.error
    assert f"choose another with {'--dagster-port' if option == '--dagster-port' else 'SKILLSMITH_PORT or --port'}" in (
        answer.error
    )
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("arguments", [("import",), ("refresh",)])
def test_without_a_key_nothing_is_read(
    command: Command, monkeypatch: pytest.MonkeyPatch, drop: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    monkeypatch.delenv("SKILLSMITH_SECRET")

    answer = command(*arguments, "--home", tmp_path / "home", "--drop", drop)

    assert answer.code == 2
    assert "set SKILLSMITH_SECRET" in answer.error
    assert rows_of(tmp_path / "home", "raw.import_ledger") == 0


def test_an_entity_that_is_none_is_a_wrong_call(command: Command, drop: Path, tmp_path: Path) -> None:
    answer = command("import", "--home", tmp_path / "home", "--drop", drop, "--entity", "registry/planets")
    assert answer.code == 2
    assert "registry/planets is no entity; known are registry/events" in answer.error


def test_the_clock_of_a_check_must_be_that_of_the_build(command: Command, tmp_path: Path) -> None:
    settings = load_settings(home=tmp_path / "home", secret="a key for tests only")
    with open_warehouse(settings) as warehouse:
        warehouse.initialise()
        with warehouse.write() as writer:
            build = start_build(writer, datetime(2026, 7, 1, tzinfo=UTC))
            finish_build(writer, build.build_id, "built")
    answer = command("check", "--home", settings.home, "--as-of", "2026-07-02")
    assert answer.code == 1
    assert "the last build is as of 2026-07-01T00:00:00Z" in answer.error
