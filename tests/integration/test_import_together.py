"""Small files that are read together: every row knows its own file and line, and one bad file is alone in being bad."""

import gzip
import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ingest.reading import Staging
from tests.integration.test_import import event, fetch, load, put
from warehouse import Warehouse, open_warehouse
from warehouse.settings import Settings


@pytest.fixture
def drop(tmp_path: Path) -> Path:
    folder = tmp_path / "drop"
    folder.mkdir()
    return folder


@pytest.fixture
def one_by_one(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that had to be read alone."""
    names: list[str] = []
    whole = Staging.stage

    def noted(self: Staging, file: Any, *more: Any) -> Any:
        names.append(file.name)
        return whole(self, file, *more)

    monkeypatch.setattr(Staging, "stage", noted)
    return names


def lines(*rows: dict[str, Any] | str) -> str:
    return "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)


def text_of(path: Path) -> str:
    data = path.read_bytes()
    if path.suffix == ".zst":
        with pa.input_stream(str(path), compression="zstd") as stream:
            data = stream.read()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


def assert_rows_stand_where_they_say(warehouse: Warehouse, drop: Path, rows: int) -> None:
    """The line that a row names is the line that it came from."""
    landed = fetch(warehouse, "select event_id, file_name, file_line from raw.registry_events")
    assert len(landed) == rows
    for row in landed:
        assert row["event_id"] in text_of(drop / row["file_name"]).split("\n")[row["file_line"] - 1]


def test_a_bad_line_in_the_middle_file_waits_under_its_own_file_and_line(
    warehouse: Warehouse, drop: Path, one_by_one: list[str]
) -> None:
    put(drop, "registry/events/1.ndjson", lines(event(1), event(2)))
    put(drop, "registry/events/2.ndjson", lines("", event(3), '{"event_id": "cut", ', event(4, created_at="soon")))
    put(drop, "registry/events/3.ndjson", lines(event(5), "", event(6)))

    report = load(warehouse, drop)

    assert report.refused == []
    assert [(each.rows_seen, each.rows_loaded, each.rows_quarantined) for each in report.loads] == [
        (2, 2, 0),
        (3, 1, 2),
        (2, 2, 0),
    ]
    waiting = fetch(warehouse, "select file_name, file_line, reason from raw.quarantine order by file_line")
    assert [tuple(row.values()) for row in waiting] == [
        ("registry/events/2.ndjson", 3, "not a JSON object"),
        ("registry/events/2.ndjson", 4, "created_at is not an ISO 8601 time"),
    ]
    assert_rows_stand_where_they_say(warehouse, drop, 5)
    assert one_by_one == []


WHOLE = lines(*(event(number) for number in range(100, 300)))


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("2.ndjson.gz", gzip.compress(WHOLE.encode())[:-30], "cut short"),
        ("2.ndjson", WHOLE[:-40].encode(), "ends in the middle of a line"),
        ("2.ndjson", b'{"event_id": "\xff\xfe"}\n', "not UTF-8"),
        ("2.ndjson", b"event_id,created_at\n1,2026-02-01\n", "no line of it is a JSON object"),
        ("2.ndjson", b'{"event_id": "1", "created_at": "2026-02-01"}\n', "no row of it has event_type"),
        ("2.ndjson", b'{"event_id": "' + b"x" * (17 << 20) + b'"}\n', "has a line of more than 16 MB"),
        ("2.parquet", WHOLE.encode(), "is not parquet"),
        ("2.txt", WHOLE.encode(), "unknown format"),
    ],
)
def test_one_broken_file_among_good_ones_is_refused_alone(
    duckdb_warehouse: Warehouse, drop: Path, name: str, content: bytes, says: str
) -> None:
    put(drop, "registry/events/1.ndjson", lines(event(1), event(2, event_type="telemetry:other")))
    put(drop, "registry/events/1.ndjson.gz", lines(event(3)))
    put(drop, f"registry/events/{name}", content)
    put(drop, "registry/events/3.ndjson", lines(event(4), event(5)))
    put(drop, "registry/events/3.ndjson.gz", lines(event(6)))

    report = load(duckdb_warehouse, drop)

    [refused] = report.refused
    assert refused.file_name == f"registry/events/{name}"
    assert says in str(refused.error)
    assert (refused.rows_seen, refused.rows_loaded) == (0, 0)
    assert_rows_stand_where_they_say(duckdb_warehouse, drop, 5)
    waiting = fetch(duckdb_warehouse, "select file_name, file_line from raw.quarantine")
    assert waiting == [{"file_name": "registry/events/1.ndjson", "file_line": 2}]
    ledger = fetch(duckdb_warehouse, "select outcome, sum(rows_loaded)::bigint as n from raw.import_ledger group by 1")
    assert {row["outcome"]: row["n"] for row in ledger} == {"loaded": 5, "refused": 0}


def test_many_small_files_keep_their_rows_apart(duckdb_warehouse: Warehouse, drop: Path, one_by_one: list[str]) -> None:
    # Every tenth ends without a newline.
    for number in range(130):
        ending = "" if number % 10 == 0 else "\n"
        rows = lines(*(event(1000 * number + line) for line in range(1 + number % 4)))
        put(drop, f"registry/events/{number:03}.ndjson", rows.removesuffix("\n") + ending)
    put(drop, "registry/events/077.ndjson", lines(event(77_000), "not a row", event(77_001)))

    report = load(duckdb_warehouse, drop)

    assert len(report.loads) == 130
    assert report.refused == []
    assert one_by_one == []
    # 32 times 1 + 2 + 3 + 4 and 1 + 2 rows, of which one file of 2 rows was replaced by one of as many.
    assert_rows_stand_where_they_say(duckdb_warehouse, drop, 32 * 10 + 3)
    waiting = fetch(duckdb_warehouse, "select file_name, file_line, row_text from raw.quarantine")
    assert [(row["file_name"], row["file_line"]) for row in waiting] == [("registry/events/077.ndjson", 2)]


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_rows_of_files_that_several_threads_read_stand_on_their_own_lines(
    settings: Settings, initialised_file: Path, drop: Path, ending: str
) -> None:
    # A row is 1 kB and a text that the engine takes at once 1 MB, so of each file there are several, and they overlap.
    for name in ("1.ndjson", "2.ndjson.gz", "3.ndjson"):
        rows = [event(10_000 * int(name[0]) + line, user_agent="x" * 900) for line in range(4000)]
        put(drop, f"registry/events/{name}", lines(*rows).replace("\n", ending).removesuffix(ending))
    settings.home.mkdir()
    shutil.copyfile(initialised_file, settings.warehouse_file)

    with open_warehouse(settings.model_copy(update={"threads": 4})) as warehouse:
        report = load(warehouse, drop)
        found = fetch(warehouse, "select event_id, file_name, file_line from raw.registry_events")

    assert [(each.rows_seen, each.rows_loaded) for each in report.loads] == [(4000, 4000)] * 3
    for row in found:
        number = int(row["file_name"].split("/")[-1][0])
        assert row["event_id"] == event(10_000 * number + row["file_line"] - 1)["event_id"]


@pytest.mark.parametrize(
    "names",
    [
        ("it's.ndjson", "a b & ü.ndjson", "100%.ndjson"),
        ("day=2026-02-01/x.ndjson", "day=2026-02-02/x.ndjson", "line=3/filename=x.ndjson"),
        ("x [1]*.ndjson", "y?.ndjson", "z{a,b}.ndjson"),
        ("a.ndjson.gz", "b.ndjson.zst", "c.jsonl"),
        ("a.ndjson", "sub/a.ndjson", "sub/sub/a.ndjson"),
    ],
)
def test_file_names_of_any_kind_are_told_apart(duckdb_warehouse: Warehouse, drop: Path, names: tuple[str, ...]) -> None:
    for number, name in enumerate(names):
        rows = lines(event(2 * number), event(2 * number + 1))
        content = pa.compress(rows.encode(), "zstd", asbytes=True) if name.endswith(".zst") else rows
        put(drop, f"registry/events/{name}", content)

    assert load(duckdb_warehouse, drop).refused == []

    assert_rows_stand_where_they_say(duckdb_warehouse, drop, 6)
    found = fetch(duckdb_warehouse, "select distinct file_name from raw.registry_events")
    assert {row["file_name"] for row in found} == {f"registry/events/{name}" for name in names}


def test_a_byte_order_mark_is_no_part_of_the_first_line_of_any_file(duckdb_warehouse: Warehouse, drop: Path) -> None:
    for number in range(3):
        put(drop, f"registry/events/{number}.ndjson", "\ufeff" + lines(event(number)))

    report = load(duckdb_warehouse, drop)

    assert [(each.rows_loaded, each.rows_quarantined) for each in report.loads] == [(1, 0)] * 3
    assert_rows_stand_where_they_say(duckdb_warehouse, drop, 3)


@pytest.mark.parametrize("folder", ["../{name}/drop", "drop/../drop", "linked"])
def test_a_drop_folder_may_be_given_by_any_way_to_it(
    duckdb_warehouse: Warehouse, drop: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, folder: str
) -> None:
    put(drop, "registry/events/1.ndjson", lines(event(1)))
    put(drop, "registry/events/2.ndjson", lines(event(2)))
    (tmp_path / "linked").symlink_to(drop)
    monkeypatch.chdir(tmp_path)

    report = load(duckdb_warehouse, Path(folder.format(name=tmp_path.name)))

    assert [each.rows_loaded for each in report.loads] == [1, 1]
    assert_rows_stand_where_they_say(duckdb_warehouse, drop, 2)


@pytest.mark.parametrize(
    "place", ["registry/events/out.ndjson", "registry/events", "registry", "reference/holidays.csv"]
)
def test_what_a_link_out_of_the_drop_folder_leads_to_is_refused_and_all_else_loads(
    duckdb_warehouse: Warehouse, drop: Path, tmp_path: Path, place: str
) -> None:
    outside = tmp_path / "outside"
    put(outside, "file", lines(event(1)))
    put(outside, "registry/events/x.ndjson", lines(event(2)))
    put(drop, "finance/costs/x.ndjson", lines({"month": "2026-01", "category": "tools", "amount_cents": 1}))
    link = drop / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to({"registry/events": outside / "registry" / "events", "registry": outside / "registry"}.get(
        place, outside / "file"
    ))  # fmt: skip

    report = load(duckdb_warehouse, drop)

    assert [each.file_name for each in report.loads if each.outcome == "loaded"] == ["finance/costs/x.ndjson"]
    assert report.refused != []
    for refused in report.refused:
        assert refused.file_name.startswith(place)
        assert "leads out of the drop folder" in (refused.error or "")
    assert fetch(duckdb_warehouse, "select count(*) as n from raw.registry_events") == [{"n": 0}]


def test_a_link_to_a_file_of_the_drop_folder_is_a_file_and_one_to_a_folder_is_named(
    duckdb_warehouse: Warehouse, drop: Path
) -> None:
    put(drop, "registry/events/1.ndjson", lines(event(1)))
    (drop / "registry" / "events" / "2.ndjson").symlink_to(drop / "registry" / "events" / "1.ndjson")
    (drop / "registry" / "events" / "more").symlink_to(drop / "registry")

    report = load(duckdb_warehouse, drop)

    # The same row twice: of the two, that of the file whose name sorts last is kept.
    assert [(each.rows_seen, each.rows_loaded, each.rows_merged) for each in report.loads] == [(1, 0, 1), (1, 1, 0)]
    assert report.ignored == ["registry/events/more"]
