"""A drop folder in an object store, a real S3-compatible server on loopback: the same tables as from a local folder."""

import gzip
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from moto.core import set_initial_no_auth_action_count

from ingest import files, remote
from ingest.contracts import CONTRACTS
from ingest.delivery import MOST_MANIFEST
from ingest.quarantine import Choice, replay
from ingest.report import ImportReport
from ingest.simulator import simulate
from orchestration.cli import run
from orchestration.pipeline import initialise
from orchestration.sensors import listing_of
from tests.integration.s3_server import Bucket, S3Server, error
from tests.integration.test_import import AS_OF, account, event, fetch, load, put
from tests.integration.test_import_kills import ROOT, content, emptied
from tests.integration.test_quarantine import narrow
from warehouse import Warehouse, open_warehouse
from warehouse.errors import TransientError, UsageError
from warehouse.settings import Settings, load_settings, place_of


@pytest.fixture(scope="module")
def running() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.stop()


@pytest.fixture
def server(running: S3Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[S3Server]:
    for name, value in running.environment.items():
        monkeypatch.setenv(name, value)
    running.quiet()
    yield running
    running.quiet()


@pytest.fixture
def warehouse(duckdb_warehouse: Warehouse) -> Warehouse:
    """What a store does is the same whatever its rows land in; two tests hold the engines against each other."""
    return duckdb_warehouse


@pytest.fixture
def bucket(server: S3Server) -> Bucket:
    return server.bucket()


@pytest.fixture(scope="module")
def small_drop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    drop = tmp_path_factory.mktemp("small") / "drop"
    simulate(drop, days=5, accounts=3, seed=7, events=1_000, until=date(2026, 2, 20))
    return drop


def lines(*rows: dict[str, Any]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def put_events(bucket: Bucket, count: int) -> list[str]:
    """As many objects of one event each; their names."""
    names = [f"registry/events/{number:05d}.ndjson" for number in range(count)]
    for number, name in enumerate(names):
        bucket.put(name, lines(event(number)))
    return names


def events_in(warehouse: Warehouse) -> int:
    return fetch(warehouse, "select count(*) as n from raw.registry_events")[0]["n"]


def ledger_rows(warehouse: Warehouse) -> int:
    return fetch(warehouse, "select count(*) as n from raw.import_ledger")[0]["n"]


def on_disk(warehouse: Warehouse) -> list[Path]:
    return [path for path in (warehouse.settings.home / "remote").rglob("*") if path.is_file()]


def errors(report: ImportReport) -> list[str | None]:
    return [load.error for load in report.refused]


@pytest.mark.long
def test_a_bucket_and_a_folder_of_the_same_files_give_the_same_tables(
    engine_settings: Settings, small_drop: Path, server: S3Server, bucket: Bucket, tmp_path: Path
) -> None:
    drop = shutil.copytree(small_drop, tmp_path / "drop")
    put(drop, "registry/events/_manifest.json", json.dumps({"files": [{"name": "lost.ndjson", "rows": 3}]}))
    names = bucket.put_folder(drop)
    with open_warehouse(engine_settings) as warehouse:
        initialise(warehouse)
        local = load(warehouse, drop)
        expected = content(warehouse)
    assert expected["registry/events"]["n"] > 0
    assert expected["quarantine"]

    with open_warehouse(emptied(engine_settings, "remote_home")) as warehouse:
        initialise(warehouse)
        report = load(warehouse, bucket.url)

        assert content(warehouse) == expected
        assert [load.file_name for load in report.loads] == [load.file_name for load in local.loads]
        assert set(report.ignored) == set(local.ignored)
        assert [(claim.name, claim.rows) for claim in report.missing] == [("registry/events/lost.ndjson", 3)]
        # Each object of an entity once, and nothing else: answers.json is no entity's file.
        read = server.objects_read()
        assert sorted(read) == sorted(name for name in names if "/" in name)


def test_the_second_import_only_lists(warehouse: Warehouse, server: S3Server, bucket: Bucket) -> None:
    names = put_events(bucket, 5)
    bucket.put("registry/events/_manifest.json", json.dumps({"files": [{"name": "00000.ndjson", "rows": 1}]}).encode())
    assert len(load(warehouse, bucket.url).loads) == 5
    assert sorted(server.objects_read()) == sorted([*names, "registry/events/_manifest.json"])

    again = load(warehouse, bucket.url)

    assert (again.loads, again.known) == ([], 5)
    assert server.asked
    assert {name for _, name in server.asked} == {""}


def test_without_the_kept_checksums_the_ledger_decides_and_nothing_is_doubled(
    warehouse: Warehouse, server: S3Server, bucket: Bucket
) -> None:
    names = put_events(bucket, 5)
    load(warehouse, bucket.url)
    server.objects_read()
    (warehouse.settings.home / "checksums.json").unlink()

    again = load(warehouse, bucket.url)

    assert (again.loads, again.known, events_in(warehouse)) == ([], 5, 5)
    assert sorted(server.objects_read()) == names
    assert not on_disk(warehouse)


def test_an_object_replaced_by_one_of_the_same_size_is_read_again(
    warehouse: Warehouse, server: S3Server, bucket: Bucket
) -> None:
    name = "registry/accounts/all.ndjson"
    bucket.put(name, lines(account("first", "2026-01-01T00:00:00Z")))
    bucket.put("registry/events/one.ndjson", lines(event(1)))
    load(warehouse, bucket.url)
    server.objects_read()
    bucket.put(name, lines(account("other", "2026-01-02T00:00:00Z")))

    report = load(warehouse, bucket.url)

    assert ([load.file_name for load in report.loads], report.known) == ([name], 1)
    assert fetch(warehouse, "select name from raw.registry_accounts") == [{"name": "other"}]
    assert set(server.objects_read()) == {name}


def test_an_object_that_vanishes_before_it_is_read_is_refused_and_the_rest_lands(
    warehouse: Warehouse, server: S3Server, bucket: Bucket
) -> None:
    names = put_events(bucket, 4)

    def vanish(method: str, name: str) -> None:
        if (method, name) == ("GET", names[2]):
            bucket.delete(name)

    server.before = vanish
    report = load(warehouse, bucket.url)
    server.before = None

    assert errors(report) == [f"{names[2]}: went away before it was read; deliver it again"]
    assert events_in(warehouse) == 3
    bucket.put(names[2], lines(event(2)))
    assert len(load(warehouse, bucket.url).loads) == 1
    assert events_in(warehouse) == 4


def test_an_object_that_changes_while_it_is_read_is_refused_until_the_next_import(
    warehouse: Warehouse, server: S3Server, bucket: Bucket
) -> None:
    names = put_events(bucket, 3)

    def change(method: str, name: str) -> None:
        if (method, name) == ("GET", names[1]):
            bucket.put(name, lines(event(7)))

    server.after = change
    report = load(warehouse, bucket.url)
    server.after = None

    assert errors(report) == [f"{names[1]}: changed while it was read; the next import reads it again"]
    assert events_in(warehouse) == 2
    load(warehouse, bucket.url)
    found = fetch(warehouse, "select event_id from raw.registry_events order by event_id")
    assert [row["event_id"][-1] for row in found] == ["0", "2", "7"]


@pytest.mark.parametrize(
    "answer",
    [
        ("403 Forbidden", "AccessDenied", "Access Denied"),
        ("416 Requested Range Not Satisfiable", "InvalidRange", "No such range"),
    ],
)
def test_an_object_that_may_not_be_read_is_refused_by_name(
    warehouse: Warehouse, server: S3Server, bucket: Bucket, answer: tuple[str, str, str]
) -> None:
    names = put_events(bucket, 3)
    server.before = lambda _, name: error(*answer) if name == names[0] else None

    report = load(warehouse, bucket.url)

    [refused] = errors(report)
    assert refused is not None
    assert refused.startswith(f"{names[0]}: cannot be read (")
    assert answer[2] in refused
    assert events_in(warehouse) == 2


def test_a_store_that_sends_every_request_elsewhere_is_a_wrong_call(
    warehouse: Warehouse, server: S3Server, bucket: Bucket
) -> None:
    put_events(bucket, 1)
    server.before = lambda *_: error("301 Moved Permanently", "PermanentRedirect", "Use another endpoint")
    with pytest.raises(UsageError, match="check the URL and the region"):
        load(warehouse, bucket.url)


def test_a_page_of_the_network_is_no_empty_store(warehouse: Warehouse, server: S3Server, bucket: Bucket) -> None:
    put_events(bucket, 1)
    page = b"<html><head><title>Log in</title></head><body><p>Accept the terms</p></body></html>"
    server.before = lambda *_: ("200 OK", page)
    with pytest.raises(TransientError, match="no object store"):
        load(warehouse, bucket.url)
    with pytest.raises(TransientError, match="no object store"):
        listing_of(bucket.url)
    server.quiet()
    assert load(warehouse, server.bucket().url).loads == []


def test_a_damaged_or_misnamed_object_is_refused_as_a_file_is(warehouse: Warehouse, bucket: Bucket) -> None:
    bucket.put("registry/events/a.ndjson.gz", gzip.compress(lines(event(3)))[:-8] + b"checksum")
    bucket.put("registry/events/b.xlsx", b"PK")
    bucket.put("registry/events/c.ndjson", lines(event(1)))
    bucket.put("registry/events/person@example.com.ndjson", lines(event(2)))

    report = load(warehouse, bucket.url)

    assert errors(report) == [
        "registry/events/[email]: its name cannot be kept as it is; deliver it under another name",
        "registry/events/a.ndjson.gz: not gzip, or damaged; deliver it again",
        "registry/events/b.xlsx: unknown format; name it .ndjson, .jsonl, .csv or .parquet (.gz, .zst)",
    ]
    assert events_in(warehouse) == 1
    assert errors(load(warehouse, bucket.url)) == errors(report)
    assert fetch(warehouse, "select count(*) as n from raw.import_ledger where outcome = 'refused'")[0]["n"] == 3
    assert not on_disk(warehouse)


def test_what_a_manifest_claims_is_held_against_the_object(
    warehouse: Warehouse, server: S3Server, bucket: Bucket
) -> None:
    good, bad = lines(event(1)), lines(event(2))
    claims = {
        "files": [
            {"name": "good.ndjson", "rows": 1, "sha256": hashlib.sha256(good).hexdigest()},
            {"name": "bad.ndjson", "rows": 1, "sha256": hashlib.sha256(good).hexdigest()},
            {"name": "lost.ndjson", "rows": 9},
        ]
    }
    bucket.put("registry/events/_manifest.json", json.dumps(claims).encode())
    bucket.put("registry/events/good.ndjson", good)
    bucket.put("registry/events/bad.ndjson", bad)

    report = load(warehouse, bucket.url)

    assert [load.file_name for load in report.refused] == ["registry/events/bad.ndjson"]
    assert "manifest" in (report.refused[0].error or "")
    assert [(claim.name, claim.rows) for claim in report.missing] == [("registry/events/lost.ndjson", 9)]
    assert [load.rows_claimed for load in report.loads if load.outcome == "loaded"] == [1]
    # A manifest that was mended is read again.
    claims["files"][1]["sha256"] = hashlib.sha256(bad).hexdigest()
    bucket.put("registry/events/_manifest.json", json.dumps(claims).encode())
    assert load(warehouse, bucket.url).refused == []
    assert events_in(warehouse) == 2


def test_a_manifest_that_may_not_be_read_is_refused_and_everything_else_loads(
    warehouse: Warehouse, server: S3Server, bucket: Bucket
) -> None:
    put_events(bucket, 2)
    manifest = "registry/events/_manifest.json"
    bucket.put(manifest, json.dumps({"files": [{"name": "lost.ndjson", "rows": 9}]}).encode())
    server.before = lambda _, name: (
        error("403 Forbidden", "AccessDenied", "Access Denied") if name == manifest else None
    )
    report = load(warehouse, bucket.url)
    assert errors(report) == [f"{manifest}: cannot be read (Access Denied); check its permissions"]
    assert [claim.name for claim in report.missing] == [manifest]
    assert events_in(warehouse) == 2

    server.before = lambda *_: None
    report = load(warehouse, bucket.url)
    assert (errors(report), [claim.name for claim in report.missing]) == ([], ["registry/events/lost.ndjson"])


def test_an_object_whose_name_no_file_could_have_is_told_and_not_lost(warehouse: Warehouse, bucket: Bucket) -> None:
    put_events(bucket, 1)
    bucket.put("registry/events/day.ndjson/", lines(event(5)))
    bucket.put("registry/events/../events/up.ndjson", lines(event(6)))
    report = load(warehouse, bucket.url)
    assert sorted(report.ignored) == ["registry/events/../events/up.ndjson", "registry/events/day.ndjson/"]
    assert events_in(warehouse) == 1


@pytest.mark.parametrize(
    ("content", "says"), [(b"[]", "it must be"), (b" " * (MOST_MANIFEST + 1), "it has more than 16 MB")]
)
def test_what_is_no_manifest_is_a_refused_object_and_the_ones_beside_it_load(
    warehouse: Warehouse, bucket: Bucket, content: bytes, says: str
) -> None:
    put_events(bucket, 1)
    bucket.put("registry/events/_manifest.json", content)
    for _ in range(2):
        report = load(warehouse, bucket.url)
        [refused] = report.refused
        assert (refused.error or "").startswith(f"registry/events/_manifest.json: is no manifest; {says}")
    assert events_in(warehouse) == 1


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("registry/evnts/x.ndjson", "registry/evnts/ is no entity of registry; known are events"),
        ("registry/x.ndjson", "registry/x.ndjson lies in no entity's folder; known are events"),
        ("registy/events/x.ndjson", "registy/ in the drop folder is no source; known are registry"),
        ("reference/prices.csv", "reference/prices.csv is no reference; known are price_book"),
    ],
)
def test_a_name_of_no_entity_is_a_wrong_call_and_loads_nothing(
    duckdb_warehouse: Warehouse, bucket: Bucket, name: str, says: str
) -> None:
    put_events(bucket, 1)
    bucket.put(name, b"{}")
    with pytest.raises(UsageError) as raised:
        load(duckdb_warehouse, bucket.url)
    assert str(raised.value).startswith(says)
    assert ledger_rows(duckdb_warehouse) == 0


def test_hidden_and_unfinished_objects_and_markers_of_folders_are_no_files(
    duckdb_warehouse: Warehouse, bucket: Bucket
) -> None:
    for name in ("registry/", "registry/events/", "registry/events/_work/a.ndjson", ".trash/a.ndjson"):
        bucket.put(name, b"")
    bucket.put("registry/events/b.ndjson.part", b"{")
    bucket.put("notes.txt", b"hello")
    bucket.put("registry/events//c.ndjson", lines(event(3)))
    bucket.put("registry/events/2026/02/" + "long name " * 40 + "ü.ndjson", lines(event(4)))

    report = load(duckdb_warehouse, bucket.url)

    assert report.refused == []
    assert sorted(report.ignored) == ["notes.txt", "registry/events//c.ndjson", "registry/events/b.ndjson.part"]
    assert events_in(duckdb_warehouse) == 1


def one_line(capsys: pytest.CaptureFixture[str], settings: Settings, drop: str, code: int) -> str:
    """The only line of an import that fails with this exit code."""
    assert run(["import", "--home", str(settings.home), "--drop", drop]) == code
    told = capsys.readouterr()
    assert told.out == ""
    assert "Traceback" not in told.err
    [line] = [line for line in told.err.splitlines() if line.startswith("error: ")]
    return line


def test_a_store_that_cannot_be_read_is_one_line_and_the_kind_of_error_that_it_is(
    settings: Settings,
    bucket: Bucket,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SKILLSMITH_SECRET", "a key for tests only")
    put_events(bucket, 1)
    place = f"error: drop folder {bucket.url}"

    @set_initial_no_auth_action_count(0)
    def with_a_wrong_key() -> str:
        return one_line(capsys, settings, bucket.url, 2)

    assert with_a_wrong_key() == (
        f"{place}: access denied (The AWS Access Key Id you provided does not exist in our records.); "
        "check the credentials and what they may list and read"
    )
    missing = "s3://there-is-no-such-bucket"
    assert one_line(capsys, settings, missing, 2) == (
        f"error: drop folder {missing} is not there (The specified bucket does not exist); "
        "give the URL that files arrive under with --drop"
    )
    assert one_line(capsys, settings, f"{bucket.url}/typo", 2).startswith(f"{place}/typo is not there")
    assert one_line(capsys, settings, f"{bucket.url}/registry/events/00000.ndjson", 2).endswith(
        "is one object; give the URL of the folder that it lies in"
    )
    with monkeypatch.context() as without:
        without.delenv("AWS_ACCESS_KEY_ID")
        assert one_line(capsys, settings, bucket.url, 2) == (
            f"{place}: no credentials for it in the environment (Unable to locate credentials); set those of your store"
        )
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("AWS_ENDPOINT_URL", "nonsense")
        assert one_line(capsys, settings, bucket.url, 2) == (
            f"{place}: the store takes no such request (Invalid endpoint: nonsense); check the URL and the region"
        )
    with monkeypatch.context() as down:
        # Port 1 is nobody's.
        down.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        assert one_line(capsys, settings, bucket.url, 1).startswith(f"{place} cannot be reached or read now (")
        assert run(["refresh", "--home", str(settings.home), "--drop", bucket.url]) == 1


def test_a_store_that_goes_away_in_the_middle_may_be_tried_again(
    engine_settings: Settings, server: S3Server, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_BATCH_FILES", 5)
    put_events(bucket, 30)
    read = threading.Semaphore(12)

    def expire(method: str, name: str) -> tuple[str, bytes] | None:
        if name and method == "GET" and not read.acquire(blocking=False):
            return error("403 Forbidden", "ExpiredToken", "The provided token has expired.")
        return None

    with open_warehouse(engine_settings) as warehouse:
        warehouse.initialise(contract.table for contract in CONTRACTS.values())
        server.before = expire
        with pytest.raises(UsageError, match=r"access denied \(The provided token has expired.\)"):
            load(warehouse, bucket.url)
        server.before = lambda _, name: error("500 No", "InternalError", "Try later.") if name else None
        with pytest.raises(TransientError, match=r"\.ndjson cannot be reached or read now"):
            load(warehouse, bucket.url)
        # Nothing is read any more when it has failed, and nothing is left.
        server.before = None
        server.objects_read()
        assert not (engine_settings.home / "remote").exists()
        time.sleep(0.2)
        assert server.asked == []
        landed = events_in(warehouse)
        assert landed < 30

        report = load(warehouse, bucket.url)

        assert (len(report.loads), report.known, events_in(warehouse)) == (30 - landed, landed, 30)


# How much of the objects it has read when it is killed.
@pytest.mark.long
@pytest.mark.parametrize("share", [0.0, 0.5, 0.9])
def test_an_import_that_is_killed_and_run_again_gives_the_same_tables_and_leaves_no_content(
    settings: Settings, small_drop: Path, server: S3Server, bucket: Bucket, tmp_path: Path, share: float
) -> None:
    names = [name for name in bucket.put_folder(small_drop) if "/" in name]
    with open_warehouse(load_settings(home=tmp_path / "whole", secret="a key for tests only")) as warehouse:
        initialise(warehouse)
        load(warehouse, small_drop)
        expected = content(warehouse)
    with open_warehouse(settings) as warehouse:
        initialise(warehouse)
    reached, killed = threading.Event(), threading.Event()
    counted = threading.Semaphore(int(share * len(names)))

    def hold(method: str, name: str) -> None:
        if method == "GET" and name and not counted.acquire(blocking=False):
            reached.set()
            killed.wait(60)

    server.before = hold
    code = (
        "from ingest.files import import_drop; from datetime import datetime; from warehouse import open_warehouse\n"
        "from warehouse.settings import load_settings; import sys\n"
        "with open_warehouse(load_settings(home=sys.argv[1], secret='a key for tests only')) as warehouse:\n"
        "    import_drop(warehouse, sys.argv[2], as_of=datetime.fromisoformat(sys.argv[3]))\n"
    )
    importer = subprocess.Popen(
        [sys.executable, "-c", code, str(settings.home), bucket.url, AS_OF.isoformat()],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    )
    try:
        assert reached.wait(60)
    finally:
        importer.kill()
        importer.wait()
        killed.set()
    server.before = None
    assert (settings.home / "remote").exists()

    with open_warehouse(settings) as warehouse:
        report = load(warehouse, bucket.url)
        assert report.loads
        assert content(warehouse) == expected
    assert not (settings.home / "remote").exists()


@pytest.mark.long
def test_the_disk_holds_a_few_batches_however_much_the_store_holds(
    warehouse: Warehouse, server: S3Server, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_BATCH_FILES", 10)
    put_events(bucket, 70)
    held: list[int] = []
    server.before = lambda *_: held.append(len(on_disk(warehouse)))

    load(warehouse, bucket.url)

    # One batch lands, one is staged, one is read.
    assert 10 <= max(held) <= 30
    assert events_in(warehouse) == 70
    assert not (warehouse.settings.home / "remote").exists()


@pytest.mark.long
def test_a_thousand_small_objects_are_imported_and_then_known_by_their_listing(
    warehouse: Warehouse, server: S3Server, bucket: Bucket
) -> None:
    names = put_events(bucket, 1_000)

    report = load(warehouse, bucket.url)

    assert (len(report.loads), report.refused, events_in(warehouse)) == (1_000, [], 1_000)
    assert sorted(server.objects_read()) == names
    again = load(warehouse, bucket.url)
    assert (again.known, server.objects_read()) == (1_000, [])


def test_the_sensor_sees_an_object_that_comes_changes_or_goes(server: S3Server, bucket: Bucket) -> None:
    assert listing_of(bucket.url) is None
    seen = []
    for change in (
        lambda: bucket.put("registry/events/a.ndjson", lines(event(1))),
        lambda: bucket.put("registry/events/a.ndjson", lines(event(2))),
        lambda: bucket.put("registry/events/b.ndjson", lines(event(2))),
        lambda: bucket.delete("registry/events/a.ndjson"),
    ):
        change()
        seen.append(listing_of(bucket.url))
        assert listing_of(bucket.url) == seen[-1]
    assert len(set(seen)) == 4
    assert None not in seen
    assert server.objects_read() == []


def test_a_place_below_a_bucket_is_a_drop_folder_of_its_own(duckdb_warehouse: Warehouse, bucket: Bucket) -> None:
    bucket.put("deliveries/today/registry/events/a.ndjson", lines(event(1)))
    bucket.put("deliveries/today2/registry/events/b.ndjson", lines(event(2)))
    bucket.put("other/x", b"")

    report = load(duckdb_warehouse, f"{bucket.url}/deliveries/today/")

    assert [load.file_name for load in report.loads] == ["registry/events/a.ndjson"]


def test_a_replay_reads_the_object_again(
    warehouse: Warehouse, server: S3Server, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [event(1), event(2, event_type="telemetry:skill_view", metadata={"skill_name": "anthropic/pdf"})]
    bucket.put("registry/events/a.ndjson", lines(*rows))
    with monkeypatch.context() as before:
        narrow(before, "registry/events", "event_type", allowed=("telemetry:skill_invoke",))
        load(warehouse, bucket.url)
    assert events_in(warehouse) == 1
    server.objects_read()

    report = replay(warehouse, bucket.url, Choice(), as_of=AS_OF)

    assert [(load.rows_seen, load.rows_loaded) for load in report.loads] == [(1, 1)]
    assert server.objects_read() == ["registry/events/a.ndjson"]
    assert events_in(warehouse) == 2
    assert not (warehouse.settings.home / "remote").exists()
    # With nothing open no store is asked.
    server.asked = []
    replay(warehouse, bucket.url, Choice(), as_of=AS_OF)
    assert server.asked == []


def test_a_file_url_is_the_folder_itself(warehouse: Warehouse, tmp_path: Path) -> None:
    drop = tmp_path / "my drop"
    put(drop, "registry/events/one.ndjson", [event(1)])

    report = load(warehouse, drop.as_uri())

    assert "%20" in drop.as_uri()
    assert [load.file_name for load in report.loads] == ["registry/events/one.ndjson"]
    assert load(warehouse, drop).known == 1
    assert not (warehouse.settings.home / "remote").exists()
    assert load_settings(drop=drop.as_uri()).drop_folder == load_settings(drop=str(drop)).drop_folder == drop


@pytest.mark.parametrize(
    "url",
    [
        "s3://KEYID:Zm9v/YmFy@bucket/drop",
        "s3://KEYID:Zm9vYmFy@bucket/drop",
        "gs://user:Zm9vYmFy@bucket",
        "s3://bucket/drop?token=Zm9vYmFy",
        "https://user:Zm9vYmFy@example.com/drop",
        "s3://bucket/x::s3://KEYID:Zm9vYmFy@other",
    ],
)
def test_a_url_that_may_hold_a_password_is_refused_and_never_shown(
    url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(["status", "--home", str(tmp_path), "--drop", url]) == 2
    monkeypatch.setenv("SKILLSMITH_DROP", url)
    assert run(["import", "--home", str(tmp_path)]) == 2
    told = capsys.readouterr()
    assert told.err.count("error: SKILLSMITH_DROP: ") == 2
    for secret in ("Zm9v", "YmFy", "KEYID"):
        assert secret not in told.out + told.err


@pytest.mark.parametrize("url", ["ftp://host/drop", "http://host/drop", "memory://drop"])
def test_any_other_url_is_a_wrong_call(url: str) -> None:
    with pytest.raises(UsageError, match=r"^a drop folder is a path or begins with file://, s3://"):
        place_of(url)
    with pytest.raises(UsageError, match="file:///path, on this machine"):
        place_of("file://host/drop")
    for nameless in ("s3://", "s3:///drop"):
        with pytest.raises(UsageError, match="names its bucket: s3://bucket/prefix"):
            place_of(nameless)


def test_a_store_whose_package_is_absent_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    monkeypatch.delitem(sys.modules["fsspec.registry"]._registry, "s3", raising=False)
    with pytest.raises(UsageError) as raised:
        remote.listing_of("s3://bucket/drop")
    assert str(raised.value) == "s3:// needs a package that is not there: pip install 'skillsmith-analytics[s3]'"


def test_status_shows_the_url_and_asks_no_store(
    server: S3Server, bucket: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.asked = []
    places = ["--home", str(tmp_path), "--drop", f"{bucket.url}/drop/"]
    assert run(["status", *places]) == 0
    assert f"drop        {bucket.url}/drop\n" in capsys.readouterr().out
    assert run(["status", "--json", *places]) == 0
    assert json.loads(capsys.readouterr().out)["drop"] == f"{bucket.url}/drop"
    assert server.asked == []


def test_a_world_is_not_simulated_into_a_store(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["simulate", "--home", str(tmp_path), "--drop", "s3://bucket/drop"]) == 2
    assert "give one with --out" in capsys.readouterr().err


def test_an_import_command_reads_a_store(
    settings: Settings, bucket: Bucket, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SKILLSMITH_SECRET", "a key for tests only")
    monkeypatch.setenv("SKILLSMITH_DROP", bucket.url)
    put_events(bucket, 3)
    assert run(["import", "--home", str(settings.home), "--as-of", "2026-03-01", "--json"]) == 0
    [entity] = json.loads(capsys.readouterr().out)["entities"]
    assert (entity["name"], entity["files"], entity["rows_loaded"]) == ("registry_events", 3, 3)
