"""Files that are not what they should be, made to break an importer or made so by an accident.

Each is refused whole by one line that names it, the file beside it loads, and nothing of the bad one is in any table.
What `test_import` holds already (encodings, headers, cut files of the usual kind) is not said again.
"""

import base64
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ingest.files
from ingest.delivery import DroppedFile, Look, look_through
from ingest.reading import FileRows, Staging
from tests.integration.test_import import event, fetch, load, put
from warehouse import Warehouse, open_warehouse
from warehouse.errors import StorageError
from warehouse.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
GOOD = "registry/events/good.ndjson"
BAD = "registry/events/bad"
LINES = "".join(json.dumps(event(number)) + "\n" for number in range(1, 201)).encode()


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    put(folder, GOOD, [event(9001)])
    return folder


def assert_refused(warehouse: Warehouse, drop: Path, says: dict[str, str]) -> None:
    """Each file is refused in one line with its name and words, the good one landed, and no row of them is anywhere."""
    report = load(warehouse, drop)

    errors = {refused.file_name: str(refused.error) for refused in report.refused}
    assert errors.keys() == says.keys()
    for name, error in errors.items():
        assert error.startswith(f"{name}: ")
        assert says[name] in error
        assert "\n" not in error
    assert fetch(warehouse, "select file_name from raw.registry_events") == [{"file_name": GOOD}]
    assert fetch(warehouse, "select file_name from raw.quarantine") == []
    ledger = "select file_name, outcome, rows_seen, error from raw.import_ledger where outcome <> 'loaded' order by 1"
    assert fetch(warehouse, ledger) == [
        {"file_name": name, "outcome": "refused", "rows_seen": 0, "error": errors[name]} for name in sorted(errors)
    ]


def zstd(data: bytes) -> bytes:
    return pa.compress(data, "zstd", asbytes=True)


JUNK = random.Random(7).randbytes(100_000)


LYING = [
    (".ndjson.zst", zstd(LINES)[:-20], "cut short"),
    (".ndjson.zst", gzip.compress(LINES), "not zstd"),
    (".ndjson.gz", zstd(LINES), "not gzip"),
    (".ndjson", gzip.compress(LINES), "is compressed, but its name does not say so"),
    (".csv", zstd(LINES), "is compressed, but its name does not say so"),
    (".parquet.gz", gzip.compress(LINES), "Parquet is compressed inside"),
    (".ndjson.gz", gzip.compress(LINES) + b"and more", "not gzip, or damaged"),
    (".ndjson.gz", gzip.compress(LINES.decode().encode("utf-16-le")), "UTF-16"),
    (".ndjson", LINES.decode().encode("utf-16-be"), "UTF-16"),
    (".csv", "event_id,created_at,event_type\n".encode("utf-32-le"), "UTF-16"),
    (".ndjson", JUNK, ".ndjson: "),
    (".csv", b"junk" + JUNK, ".csv: "),
    (".parquet", b"PAR1" + JUNK + b"PAR1", "cannot be read as parquet"),
    (".ndjson.gz", gzip.compress(JUNK), ".ndjson.gz: "),
    (".csv", b"event_id,event_id,created_at,event_type\n1,1,2026-02-01,search:metrics\n", "distinct names"),
    (".csv", b"", "no CSV header"),
    (".csv", b"," * 2_000_000, "no CSV header"),
    (".ndjson.gz", b"", "cut short"),
]


def test_what_its_name_does_not_say_is_refused(duckdb_warehouse: Warehouse, drop: Path) -> None:
    says = {}
    for number, (suffix, content, words) in enumerate(LYING):
        name = f"{BAD}-{number}{suffix}"
        put(drop, name, content)
        says[name] = words

    assert_refused(duckdb_warehouse, drop, says)


def lines_from(first: int) -> bytes:
    """200 events, of which none is in LINES where `first` is above 200."""
    return "".join(json.dumps(event(number)) + "\n" for number in range(first, first + 200)).encode()


HARMLESS = [
    ("mark.ndjson", lambda lines: b"\xef\xbb\xbf" + lines),
    ("mark.ndjson.gz", lambda lines: gzip.compress(b"\xef\xbb\xbf" + lines)),
    ("windows.ndjson", lambda lines: lines.replace(b"\n", b"\r\n")),
    ("old.ndjson", lambda lines: lines.replace(b"\n", b"\r")),
    ("two.ndjson.gz", lambda lines: gzip.compress(lines[: len(lines) // 2]) + gzip.compress(lines[len(lines) // 2 :])),
    ("two.ndjson.zst", lambda lines: zstd(lines[:5000]) + zstd(lines[5000:])),
    ("x.NDJSON", lambda lines: lines),
]


def test_marks_line_ends_and_members_of_other_systems_change_nothing(duckdb_warehouse: Warehouse, drop: Path) -> None:
    for number, (name, written) in enumerate(HARMLESS):
        put(drop, f"registry/events/{name}", written(lines_from(1000 * (number + 1))))

    report = load(duckdb_warehouse, drop)

    assert report.refused == []
    counted = fetch(
        duckdb_warehouse,
        "select file_name, count(*) as n, sum(file_line) as lines from raw.registry_events group by 1 order by 1",
    )
    # 1 + 2 + .. + 200, and the good file's one.
    expected = {f"registry/events/{name}": (200, 20_100) for name, _ in HARMLESS} | {GOOD: (1, 1)}
    assert {row["file_name"]: (row["n"], row["lines"]) for row in counted} == expected
    assert fetch(duckdb_warehouse, "select * from raw.quarantine") == []


def test_a_line_end_inside_a_quoted_cell_is_text(duckdb_warehouse: Warehouse, drop: Path) -> None:
    rows = 'team_id,name\r\nt1,"two\r\nlines"\r\nt2,one\r\n'
    put(drop, "registry/teams/x.csv", rows)

    load(duckdb_warehouse, drop)

    rows = fetch(duckdb_warehouse, "select team_id, name from raw.registry_teams order by team_id")
    assert rows == [{"team_id": "t1", "name": "two\nlines"}, {"team_id": "t2", "name": "one"}]


# --- too much of something -----------------------------------------------------------------------------------

IMPORTER = r"""
import json, re, resource, sys
from datetime import datetime
from pathlib import Path
from ingest.files import import_drop
from warehouse import open_warehouse
from warehouse.settings import load_settings
with open_warehouse(load_settings(home=sys.argv[1], secret="a key for tests only")) as warehouse:
    report = import_drop(warehouse, Path(sys.argv[2]), as_of=datetime(2026, 3, 1))
print(json.dumps({
    "errors": [load.error for load in report.refused],
    "rows": {load.file_name: load.rows_loaded for load in report.loads},
    "bad": sum(load.rows_quarantined for load in report.loads),
    # Not ru_maxrss, which a child takes over from the process that started it.
    "megabytes": int(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1]) >> 10,
}))
"""
# What the importer takes for a file of one row is some 250 MB, most of it the programs that it is made of.
MEGABYTES = 600


def import_apart(home: Path, drop: Path) -> dict[str, Any]:
    """Import in a process of its own, so that its peak of memory is its own."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTER, str(home), str(drop)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def long_line(path: Path) -> None:
    """1 GB in one line, of which the disk holds little."""
    with path.open("wb") as file:
        file.write(b'{"event_id": "1", "user_agent": "')
        file.truncate(1 << 30)
        file.seek(0, os.SEEK_END)
        file.write(b'"}\n')


def long_line_packed(path: Path) -> None:
    """1 GB in one line that packs no better than an honest file does."""
    block = base64.b64encode(random.Random(7).randbytes(12_000)) * 64
    member = gzip.compress(block, 6)
    assert len(block) < 150 * len(member)
    with path.open("wb") as file:
        file.write(gzip.compress(b'{"event_id": "1", "user_agent": "'))
        file.writelines([member] * ((1 << 30) // len(block)))


def members_of(piece: bytes, times: int) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        with path.open("wb") as file:
            file.writelines([gzip.compress(piece, 9)] * times)

    return write


def zstd_bomb(path: Path) -> None:
    with pa.output_stream(str(path), compression="zstd") as stream:
        for _ in range(32):
            stream.write(b"\n" * (64 << 20))


def parquet_bomb(path: Path) -> None:
    """10,000,000 rows of one value."""
    one = pa.array(["x" * 1000])
    ids = pa.DictionaryArray.from_arrays(pa.array([0] * 1_000_000, pa.int32()), one)
    table = pa.table({"event_id": ids, "created_at": ids, "event_type": ids})
    with pq.ParquetWriter(path, table.schema) as writer:
        for _ in range(10):
            writer.write_table(table)


TOO_MUCH = [
    ("line.ndjson", long_line, "a line of more than 16 MB"),
    ("line.ndjson.gz", long_line_packed, "a line of more than 16 MB"),
    # 10 GB each, from 10 MB.
    ("spaces.ndjson.gz", members_of(b" " * (16 << 20), 640), "a line of more than 16 MB"),
    ("blank.ndjson.gz", members_of(b"\n" * (16 << 20), 640), "expands to more than 200 times"),
    ("blank.csv.gz", members_of(b"\n" * (16 << 20), 640), "expands to more than 200 times"),
    ("same.ndjson.gz", members_of(LINES[:250].split(b"\n")[0] + b"\n" * (16 << 20), 640), "expands to more than 200"),
    ("rows.parquet", parquet_bomb, "expands to more than 200 times"),
]


@pytest.mark.long
def test_files_made_to_fill_memory_or_disk_are_refused_in_little_of_both(tmp_path: Path, drop: Path) -> None:
    (drop / BAD).mkdir()
    for name, write, _ in TOO_MUCH:
        write(drop / BAD / name)

    done = import_apart(tmp_path / "home", drop)

    errors = dict(error.split(": ", 1) for error in done["errors"])
    assert errors.keys() == {f"{BAD}/{name}" for name, _, _ in TOO_MUCH}
    for name, _, says in TOO_MUCH:
        assert says in errors[f"{BAD}/{name}"]
    assert done["rows"] == {GOOD: 1} | dict.fromkeys(errors, 0)
    assert done["megabytes"] < MEGABYTES
    assert sum(file.stat().st_size for file in (tmp_path / "home").rglob("*") if file.is_file()) < 50 << 20


@pytest.mark.long
def test_a_bomb_of_zstd_is_refused_like_one_of_gzip(tmp_path: Path, drop: Path) -> None:
    put(drop, f"{BAD}.ndjson.zst", b"")
    zstd_bomb(drop / f"{BAD}.ndjson.zst")

    done = import_apart(tmp_path / "home", drop)

    assert "expands to more than 200 times" in done["errors"][0]
    assert done["megabytes"] < MEGABYTES


def test_rows_too_long_for_the_memory_of_an_import_refuse_their_file_alone(
    duckdb_warehouse: Warehouse, drop: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingest.landing._MOST_MEGABYTES", 60)
    draw = random.Random(3)
    rows = [event(number, metadata={"text": draw.randbytes(100_000).hex()}) for number in range(400)]
    put(drop, f"{BAD}.ndjson", rows)

    assert_refused(duckdb_warehouse, drop, {f"{BAD}.ndjson": "too long for the 60 MB that an import may take"})


def test_an_honest_file_that_packs_well_is_no_bomb(duckdb_warehouse: Warehouse, drop: Path) -> None:
    # Under the size from which growth is looked at, whatever its ratio.
    put(drop, "registry/events/x.ndjson.gz", gzip.compress(b"\n" * (1 << 20) + LINES, 9))

    report = load(duckdb_warehouse, drop)

    assert report.refused == []
    assert sum(each.rows_loaded for each in report.loads) == 201


def wide(columns: int) -> dict[str, Any]:
    return event(1, metadata=...) | {f"column_{number}": f"v{number}" for number in range(columns)}


def test_ten_thousand_keys_are_kept_in_extra(warehouse: Warehouse, drop: Path) -> None:
    put(drop, "registry/events/wide.ndjson", [wide(10_000), event(2)])

    load(warehouse, drop)

    [row] = fetch(warehouse, "select extra from raw.registry_events where extra is not null")
    extra = row["extra"] if isinstance(row["extra"], dict) else json.loads(row["extra"])
    assert len(extra) == 10_000
    assert extra["column_9999"] == "v9999"
    [ledger] = fetch(warehouse, "select key_fill from raw.import_ledger where file_name like '%wide%'")
    assert len(str(ledger["key_fill"])) < 20_000


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_table_of_ten_thousand_columns_is_refused(duckdb_warehouse: Warehouse, drop: Path, suffix: str) -> None:
    row = wide(10_000)
    content = ",".join(row) + "\n" + ",".join(map(str, row.values())) + "\n"
    put(drop, BAD + suffix, content if suffix == ".csv" else parquet({name: [value] for name, value in row.items()}))

    assert_refused(duckdb_warehouse, drop, {BAD + suffix: "columns; deliver at most 2,000"})


def nested(levels: int, kind: str) -> str:
    return "[" * levels + "]" * levels if kind == "arrays" else '{"a":' * levels + "1" + "}" * levels


DEEP = list(
    product((101, 4_000, 100_000, 1_000_000), ("metadata", "unknown", "event_id", "broken"), ("arrays", "objects"))
)


def test_a_row_that_nests_without_end_waits_in_quarantine_and_the_others_land(warehouse: Warehouse, drop: Path) -> None:
    for number, (levels, place, kind) in enumerate(DEEP):
        before, deep, after = (event(10 * number + row) for row in (1, 2, 3))
        text = json.dumps(deep | {place: "DEEP"}).replace('"DEEP"', nested(levels, kind))
        bad = text[:-2] if place == "broken" else text
        put(drop, f"registry/events/{number}.ndjson", "\n".join([json.dumps(before), bad, json.dumps(after)]) + "\n")

    report = load(warehouse, drop)

    assert report.refused == []
    waiting = fetch(warehouse, "select file_name, file_line, reason, row_text from raw.quarantine")
    assert Counter((row["file_name"], row["file_line"]) for row in waiting) == {
        (f"registry/events/{number}.ndjson", 2): 1 for number in range(len(DEEP))
    }
    said = ("nests deeper than 100 levels", "10,000 objects and arrays", "not a JSON object", "must not be stored")
    for row in waiting:
        assert len(row["row_text"]) < 5000
        assert any(words in row["reason"] for words in said)
    assert fetch(warehouse, "select count(*) as n from raw.registry_events") == [{"n": 1 + 2 * len(DEEP)}]


def test_a_hundred_levels_are_taken(warehouse: Warehouse, drop: Path) -> None:
    text = json.dumps(event(2, metadata="DEEP")).replace('"DEEP"', nested(100, "arrays"))
    put(drop, "registry/events/deep.ndjson", text + "\n")

    load(warehouse, drop)

    [row] = fetch(warehouse, f"select metadata from raw.registry_events where event_id = '{event(2)['event_id']}'")
    found = row["metadata"] if isinstance(row["metadata"], str) else json.dumps(row["metadata"])
    assert found.replace(" ", "") == nested(100, "arrays")


@pytest.mark.parametrize(
    ("entity", "row"),
    [
        ("github/archive_events", {"type": "PushEvent", "created_at": "2014-01-23T04:03:29-08:00", "deep": "DEEP"}),
        (
            "billing/stripe_events",
            {"id": "evt_1", "type": "invoice.paid", "created": 1769940000, "data": {"object": {"lines": "DEEP"}}},
        ),
    ],
)
def test_depth_is_refused_in_every_shape_of_row(
    duckdb_warehouse: Warehouse, drop: Path, entity: str, row: dict[str, Any]
) -> None:
    deep = json.dumps(row).replace('"DEEP"', nested(5_000, "arrays"))
    put(drop, f"{entity}/deep.ndjson", deep + "\n" + json.dumps(row | {"id": "beside"}) + "\n")

    report = load(duckdb_warehouse, drop)

    assert report.refused == []
    [row] = fetch(duckdb_warehouse, "select reason, row_text from raw.quarantine")
    assert "[[[[" not in row["row_text"]


def test_a_number_too_long_and_half_a_character_break_nothing(warehouse: Warehouse, drop: Path) -> None:
    lines = [
        json.dumps(event(1, metadata={"n": 0})).replace('"n": 0', '"n": ' + "9" * 5000),
        json.dumps(event(2, user_agent="half \ud800 of one", metadata={"note": "bob@example.com"})),
        json.dumps(event(3, metadata={"x": 0})).replace('"x": 0', '"x": 1e400, "y": -0.0, "z": 1E+2'),
        json.dumps(event(4)),
    ]
    put(drop, "registry/events/x.ndjson", "\n".join(lines) + "\n")

    report = load(warehouse, drop)

    assert report.refused == []
    bad = fetch(warehouse, "select file_line from raw.quarantine order by file_line")
    landed = fetch(warehouse, "select file_line from raw.registry_events where file_name like '%x.ndjson' order by 1")
    assert [row["file_line"] for row in bad] == [2]
    assert [row["file_line"] for row in landed] == [1, 3, 4]


# --- shapes that do not fit ----------------------------------------------------------------------------------


def test_rows_with_too_many_or_too_few_cells_wait_and_the_rest_lands(warehouse: Warehouse, drop: Path) -> None:
    rows = ["component,checked_at,probe,status,latency_ms"]
    rows += [f"website,2026-02-01 00:{minute:02}:00,external,operational,{minute}" for minute in range(6)]
    rows[2] += ",one,two,three"
    rows[4] = "website"
    rows[5] += ","
    put(drop, "status/checks/ragged.csv", "\n".join(rows) + "\n")

    load(warehouse, drop)

    landed = fetch(warehouse, "select file_line, latency_ms from raw.status_checks order by file_line")
    assert [(row["file_line"], row["latency_ms"]) for row in landed] == [(2, 0.0), (4, 2.0), (6, 4.0), (7, 5.0)]
    bad = fetch(warehouse, "select file_line, reason from raw.quarantine order by file_line")
    # A comma with nothing behind it, at the end of a row, is what spreadsheets write.
    assert [row["file_line"] for row in bad] == [3, 5]
    assert all(row["reason"].startswith("not a row of this table") for row in bad)


def parquet(columns: dict[str, Any]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue().to_pybytes()


WHOLE = {"event_id": ["1"], "created_at": ["2026-02-01"], "event_type": ["search:metrics"]}


MISTYPED = [
    ({"created_at": pa.array([1769940000])}, "created_at is not an ISO 8601 time"),
    ({"created_at": pa.array([True])}, "created_at is not an ISO 8601 time"),
    ({"created_at": pa.array([[1, 2]])}, "created_at is not an ISO 8601 time"),
    ({"created_at": pa.array([{"at": "2026-02-01"}])}, "created_at is not an ISO 8601 time"),
    ({"event_type": pa.array([b"\xff\xfe\x00"], pa.binary())}, "unknown event_type"),
    ({"event_type": pa.array([7])}, "unknown event_type"),
    ({"metadata": pa.array([3.5])}, "metadata is not a JSON object or array"),
]


def test_a_value_of_the_wrong_type_in_parquet_is_quarantined(duckdb_warehouse: Warehouse, drop: Path) -> None:
    fine = parquet({"event_id": ["2"], "created_at": ["2026-02-01"], "event_type": ["search:metrics"]})
    put(drop, "registry/events/fine.parquet", fine)
    names = [f"registry/events/typed-{number}.parquet" for number in range(len(MISTYPED))]
    for name, (changes, _) in zip(names, MISTYPED, strict=True):
        two = {key: pa.concat_arrays([pa.array(values)] * 2) for key, values in (WHOLE | changes).items()}
        put(drop, name, parquet(two))
    # Of every row: that is a file without it.
    put(drop, f"{BAD}.parquet", parquet(WHOLE | {"event_id": pa.array([None], pa.string())}))

    [refused] = load(duckdb_warehouse, drop).refused

    assert refused.file_name == f"{BAD}.parquet"
    assert "no row of it has event_id" in str(refused.error)
    waiting = fetch(duckdb_warehouse, "select file_name, reason, count(*) as n from raw.quarantine group by all")
    assert {(row["file_name"], row["reason"], row["n"]) for row in waiting} == {
        (name, reason, 2) for name, (_, reason) in zip(names, MISTYPED, strict=True)
    }
    landed = fetch(duckdb_warehouse, "select file_name from raw.registry_events order by 1")
    assert [row["file_name"] for row in landed] == ["registry/events/fine.parquet", GOOD]


def test_times_and_numbers_of_parquet_are_taken_as_they_are(duckdb_warehouse: Warehouse, drop: Path) -> None:
    from datetime import datetime, timedelta, timezone

    at = datetime(2026, 2, 1, 10, tzinfo=timezone(timedelta(hours=2)))
    content = {
        "event_id": pa.array([5, 6]),
        "created_at": pa.array([at, at], pa.timestamp("us", tz="Europe/Helsinki")),
        "event_type": pa.array(["search:metrics"] * 2).dictionary_encode(),
        "metadata": pa.array([{"result_count": 3, "has_query": True}] * 2),
    }
    put(drop, "registry/events/typed.parquet", parquet(content))

    load(duckdb_warehouse, drop)

    rows = fetch(duckdb_warehouse, "select * from raw.registry_events where file_name like '%typed%' order by event_id")
    assert [(row["event_id"], row["created_at"], json.loads(row["metadata"])) for row in rows] == [
        ("5", datetime(2026, 2, 1, 8), {"result_count": 3, "has_query": True}),
        ("6", datetime(2026, 2, 1, 8), {"result_count": 3, "has_query": True}),
    ]


def test_a_parquet_file_whose_pages_are_damaged_is_refused(warehouse: Warehouse, drop: Path) -> None:
    rows = [event(number, metadata=...) for number in range(2000)]
    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pylist(rows), sink, compression="gzip")
    content = bytearray(sink.getvalue().to_pybytes())
    content[200:400] = JUNK[:200]
    put(drop, f"{BAD}.parquet", bytes(content))

    assert_refused(warehouse, drop, {f"{BAD}.parquet": "cannot be read as parquet"})


# --- a folder that moves -------------------------------------------------------------------------------------


def test_a_link_out_of_the_drop_folder_is_refused_and_not_followed(
    warehouse: Warehouse, drop: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside.ndjson"
    outside.write_bytes(LINES)
    (drop / f"{BAD}.ndjson").symlink_to(outside)

    assert_refused(warehouse, drop, {f"{BAD}.ndjson": "leads out of the drop folder"})
    assert str(outside) not in json.dumps(fetch(warehouse, "select * from raw.import_ledger"), default=str)


def test_a_link_inside_the_drop_folder_is_a_file_like_any_other(duckdb_warehouse: Warehouse, drop: Path) -> None:
    (drop / "registry/events/link.ndjson").symlink_to(drop / GOOD)

    report = load(duckdb_warehouse, drop)

    assert report.refused == []
    assert len(report.loads) == 2


@pytest.mark.parametrize("kind", ["nowhere", "itself", "pipe"])
def test_what_is_no_file_is_refused_without_waiting_for_it(duckdb_warehouse: Warehouse, drop: Path, kind: str) -> None:
    path = drop / f"{BAD}.ndjson"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to(path if kind == "itself" else drop / "registry/events/nothing")

    assert_refused(duckdb_warehouse, drop, {f"{BAD}.ndjson": "put the file itself there"})


def test_a_linked_folder_is_named_as_ignored(duckdb_warehouse: Warehouse, drop: Path, tmp_path: Path) -> None:
    put(tmp_path, "elsewhere/x.ndjson", [event(1)])
    (drop / "registry/events/more").symlink_to(tmp_path / "elsewhere")

    report = load(duckdb_warehouse, drop)

    assert report.ignored == ["registry/events/more"]
    assert [each.file_name for each in report.loads] == [GOOD]


@pytest.mark.parametrize("alone", [True, False])
def test_a_file_that_changes_while_it_is_read_is_refused_and_read_at_the_next_import(
    warehouse: Warehouse, drop: Path, monkeypatch: pytest.MonkeyPatch, alone: bool
) -> None:
    path = put(drop, f"{BAD}.csv" if alone else f"{BAD}.ndjson", LINES if not alone else b"")
    if alone:
        path.write_text("event_id,created_at,event_type\n1,2026-02-01,search:metrics\n")
    else:
        put(drop, "registry/events/beside.ndjson", [event(9001)])
    stage, together = Staging.stage, Staging.stage_together

    def grow() -> None:
        with path.open("a") as file:
            file.write("2,2026-02-01,search:metrics\n" if alone else json.dumps(event(500)) + "\n")

    def stage_and_grow(staging: Staging, file: DroppedFile, look: Look, number: int) -> FileRows:
        found = stage(staging, file, look, number)
        if file.path == path:
            grow()
        return found

    def together_and_grow(staging: Staging, files: list[Any]) -> dict[int, FileRows]:
        found = together(staging, files)
        if found:
            grow()
        return found

    monkeypatch.setattr(Staging, "stage", stage_and_grow)
    monkeypatch.setattr(Staging, "stage_together", together_and_grow)
    name = path.relative_to(drop).as_posix()
    report = load(warehouse, drop)

    [refused] = report.refused
    assert refused.error == f"{name}: changed while it was read; it will be read again at the next import"
    where = f"where file_name = '{name}'"
    assert fetch(warehouse, f"select count(*) as n from raw.registry_events {where}") == [{"n": 0}]
    monkeypatch.undo()
    assert load(warehouse, drop).refused == []
    expected = 2 if alone else 201
    assert fetch(warehouse, f"select count(*) as n from raw.registry_events {where}") == [{"n": expected}]


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_file_that_vanishes_is_refused(
    warehouse: Warehouse, drop: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    path = put(drop, f"{BAD}.ndjson", LINES)

    def look_and_lose(file: DroppedFile) -> Look:
        if file.path != path:
            return look_through(file)
        if moment == "before":
            path.unlink()
            return look_through(file)
        look = look_through(file)
        path.unlink()
        return look

    monkeypatch.setattr(ingest.files, "look_through", look_and_lose)

    assert_refused(warehouse, drop, {f"{BAD}.ndjson": "went away"})


def test_files_that_come_and_go_all_the_while_leave_whole_files_or_none(
    duckdb_warehouse: Warehouse, drop: Path
) -> None:
    stop = threading.Event()

    def churn() -> None:
        number = 0
        while not stop.is_set():
            path = drop / f"registry/events/churn{number % 7}.ndjson"
            path.write_bytes(LINES[: len(LINES) // 2])
            with path.open("ab") as file:
                file.write(LINES[len(LINES) // 2 :])
            if number % 3 == 0:
                path.unlink()
            number += 1

    thread = threading.Thread(target=churn)
    thread.start()
    try:
        for _ in range(5):
            report = load(duckdb_warehouse, drop)
            for each in report.refused:
                assert str(each.error).startswith(f"{each.file_name}: ")
    finally:
        stop.set()
        thread.join()
    load(duckdb_warehouse, drop)
    counted = fetch(duckdb_warehouse, "select count(distinct event_id) as n from raw.registry_events")
    assert counted in ([{"n": 1}], [{"n": 201}])
    assert fetch(duckdb_warehouse, "select * from raw.quarantine") == []


# --- rights and room -----------------------------------------------------------------------------------------

AS_NOBODY = """
import json, os, sys
from datetime import datetime
from pathlib import Path
from ingest.files import import_drop
from warehouse import open_warehouse
from warehouse.errors import SkillsmithError
from warehouse.settings import load_settings
def go(home, drop):
    with open_warehouse(load_settings(home=home, secret="a key for tests only")) as warehouse:
        return import_drop(warehouse, Path(drop), as_of=datetime(2026, 3, 1))
# Everything that is imported late is imported while it still may be read.
go(sys.argv[1] + "/warm", sys.argv[3])
if os.getuid() == 0:
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
try:
    report = go(sys.argv[1] + "/home", sys.argv[2])
    print(json.dumps({load.file_name: [load.outcome, load.rows_loaded, load.error] for load in report.loads}))
except SkillsmithError as error:
    print(json.dumps({"error": str(error)}))
"""


@pytest.fixture
def public(drop: Path) -> Iterator[Path]:
    """A folder that everybody may enter, with the drop folder in it; the tests' own folder is its owner's alone."""
    folder = Path(tempfile.mkdtemp(prefix="skillsmith-rights-"))
    folder.chmod(0o777)
    put(folder / "drop", GOOD, [event(9001)])
    yield folder
    subprocess.run(["chmod", "-R", "u+rwX", str(folder)], check=True)
    subprocess.run(["rm", "-rf", str(folder)], check=True)


def import_as_nobody(public: Path, warm: Path) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", AS_NOBODY, str(public), str(public / "drop"), str(warm)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_a_file_or_folder_that_may_not_be_read_is_refused_and_the_others_load(public: Path, drop: Path) -> None:
    names = [f"{BAD}.ndjson", f"{BAD}.csv.gz", f"{BAD}.parquet"]
    for name in names:
        put(public / "drop", name, LINES).chmod(0)
    put(public / "drop", "registry/events/closed/x.ndjson", LINES).parent.chmod(0)

    done = import_as_nobody(public, drop)

    errors = {name: f"{name}: cannot be read (Permission denied); check its permissions" for name in names}
    closed = "registry/events/closed: is a folder that may not be read; check its permissions"
    errors |= {"registry/events/closed": closed}
    assert done == {GOOD: ["loaded", 1, None]} | {name: ["refused", 0, error] for name, error in errors.items()}


def test_an_entity_that_may_not_be_read_is_one_line(public: Path, drop: Path) -> None:
    put(public / "drop", "registry/accounts/x.ndjson", b"")
    (public / "drop/registry").chmod(0)

    done = import_as_nobody(public, drop)

    assert done == {"error": f"folder {public}/drop/registry cannot be read (Permission denied); check its permissions"}


def heavy(drop: Path) -> None:
    """Some 24 MB that pack badly, so that they do not fit where there is little room."""
    words = random.Random(7)
    rows = [event(number, user_agent=words.randbytes(350).hex()) for number in range(10_001, 40_001)]
    put(drop, "registry/events/heavy.ndjson", rows)


LIMITED = IMPORTER.replace(
    "with open_warehouse(",
    "import signal\n"
    "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (9_000_000, 9_000_000))\n"
    "with open_warehouse(",
    1,
)


@pytest.mark.long
def test_a_warehouse_that_may_not_grow_is_one_line_and_a_run_with_room_completes_it(tmp_path: Path, drop: Path) -> None:
    heavy(drop)
    home = tmp_path / "home"
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(home), str(drop)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 1
    assert "warehouse.errors.StorageError: cannot write" in done.stderr.splitlines()[-1]
    with open_warehouse(load_settings(home=home, secret="a key for tests only")) as warehouse:
        whole = "select file_name, count(*) as n from raw.registry_events group by file_name"
        before = {row["file_name"]: row["n"] for row in fetch(warehouse, whole)}
        # Both lie in one batch, which lands whole or not at all.
        assert before == {}
        assert fetch(warehouse, "select * from raw.import_ledger") == []
        load(warehouse, drop)
        after = {row["file_name"]: row["n"] for row in fetch(warehouse, whole)}
    assert after == {GOOD: 1, "registry/events/heavy.ndjson": 30_000}


def test_a_full_disk_is_one_line_and_a_run_with_room_completes_it(tmp_path: Path, drop: Path) -> None:
    heavy(drop)
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root; the test above covers the same path")
    try:
        with open_warehouse(load_settings(home=small / "home", secret="a key for tests only")) as warehouse:
            warehouse.initialise()
            ballast = small / "ballast"
            ballast.write_bytes(b"\1" * (50 << 20))
            with pytest.raises(StorageError, match="free some space") as error:
                load(warehouse, drop)
            assert "\n" not in str(error.value)
            assert fetch(warehouse, "select * from raw.import_ledger") == []
            ballast.unlink()
            assert sum(each.rows_loaded for each in load(warehouse, drop).loads) == 30_001
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


def test_a_full_disk_under_a_copy_for_reading_is_one_line(tmp_path: Path, drop: Path) -> None:
    rows = b"1,2026-02-01,search:metrics\r\n" * 1_000_000
    put(drop, "registry/events/returns.csv", b"event_id,created_at,event_type\r\n" + rows)
    small = tmp_path / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", small], capture_output=True).returncode:
        pytest.skip("mounting a small tmpfs needs root")
    try:
        settings = load_settings(home=small / "home", secret="a key for tests only")
        with open_warehouse(settings) as warehouse, pytest.raises(StorageError, match="free some space"):
            load(warehouse, drop)
        assert not list((small / "home" / "tmp").glob("reading*"))
    finally:
        subprocess.run(["umount", "-l", str(small)], check=True)


# --- manifests -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"files": [{"rows": 1}]}', '{"files": [{"name": "x", "rows": "many"}]}',
     nested(100_000, "arrays"), '{"files": [{"name": "x", "sha256": 7}]}'],
)  # fmt: skip
def test_a_manifest_that_is_none_is_a_refused_file_and_the_files_beside_it_load(
    duckdb_warehouse: Warehouse, drop: Path, content: str
) -> None:
    put(drop, "registry/events/_manifest.json", content)

    report = load(duckdb_warehouse, drop)

    [refused] = report.refused
    assert refused.file_name == "registry/events/_manifest.json"
    assert "is no manifest; it must be {'files': [{name, rows, sha256}]}" in (refused.error or "")
    assert [(claim.name, claim.rows) for claim in report.missing] == [("registry/events/_manifest.json", None)]
    assert {done.file_name: done.rows_loaded for done in report.loads if not done.error} == {GOOD: 1}


def test_a_damaged_member_in_the_middle_refuses_the_whole_file(duckdb_warehouse: Warehouse, drop: Path) -> None:
    members = [zlib.compress(LINES, wbits=31) for _ in range(3)]
    middle = bytearray(members[1])
    middle[len(middle) // 2] ^= 0xFF
    put(drop, f"{BAD}.ndjson.gz", members[0] + bytes(middle) + members[2])

    assert_refused(duckdb_warehouse, drop, {f"{BAD}.ndjson.gz": "not gzip, or damaged"})
