"""A checkpoint that a kill cuts off within the write of a block: nothing is lost, and nothing else is called mended."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from warehouse.duckdb import DuckDBWarehouse, connect
from warehouse.errors import StorageError, WarehouseBusyError

ROOT = Path(__file__).resolve().parents[2]
BLOCK = 256 * 1024
FIRST_BLOCK = 3 * 4096
TABLES, ROWS = 80, 500
READ_ALL = " union ".join(f"select sum(x), count(*), sum(hash(y)) = sum(hash(x - 1)) from t{i}" for i in range(TABLES))

# A day's writes, and a checkpoint that ends after its last block and before the header that would make it count.
CHECKPOINT = f"""
import os, sys
import duckdb
connection = duckdb.connect(sys.argv[1])
connection.execute("begin")
for i in range({TABLES}):
    connection.execute(f"update t{{i}} set x = x + 1")
connection.execute("commit")
connection.execute("set debug_checkpoint_abort = 'after_free_list_write'")
try:
    connection.execute("checkpoint")
except duckdb.Error:
    os._exit(9)
"""

WRITER = """
import os, sys
from warehouse.duckdb import DuckDBWarehouse
from warehouse.settings import load_settings
with DuckDBWarehouse(load_settings(home=sys.argv[1])).write() as writer: """
HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "r+b")
fcntl.lockf(file, fcntl.LOCK_EX)
print(flush=True)
input()
"""


@dataclass(frozen=True)
class CutOff:
    """A file before a checkpoint and after all of its blocks, and the block that it wrote where it lay."""

    before: bytes
    after: bytes
    block: int
    full: int


def content(image: bytes, block: int) -> bytes:
    return image[FIRST_BLOCK + block * BLOCK : FIRST_BLOCK + (block + 1) * BLOCK]


@pytest.fixture
def cut_off(settings) -> CutOff:
    """The warehouse's file and a log that ends with a checkpoint begun; the blocks are of DuckDB's own list."""
    settings.home.mkdir()
    path = settings.warehouse_file
    with connect(path, settings) as connection:
        for i in range(TABLES):
            columns = ", ".join(f"range + {k} as c{k}" for k in range(12))
            connection.execute(f"create table t{i} as select range x, range y, {columns} from range({ROWS})")
        connection.execute("checkpoint")
        blocks = connection.execute("select block_id, free_blocks from pragma_metadata_info()").fetchall()
    before = path.read_bytes()
    assert subprocess.run([sys.executable, "-c", CHECKPOINT, str(path)], check=False).returncode == 9
    after = path.read_bytes()
    rewritten = [block for block, _ in blocks if content(before, block) != content(after, block)]
    assert len(rewritten) == 1
    return CutOff(before, after, rewritten[0], next(block for block, free in blocks if free == 0))


def torn(cut: CutOff, path: Path, at: int) -> None:
    """The first `at` bytes of the rewritten block are new, the rest old, as a signal between two pages leaves it."""
    place = FIRST_BLOCK + cut.block * BLOCK
    image = bytearray(cut.after)
    image[place + at : place + BLOCK] = cut.before[place + at : place + BLOCK]
    path.write_bytes(image)


def die(home: Path, statements: str) -> None:
    """A writing session of a process that never comes to its end."""
    home.mkdir(exist_ok=True)
    run = subprocess.run(
        [sys.executable, "-c", WRITER + statements + "; os._exit(9)", str(home)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert run.returncode == 9


def rows(settings) -> list[tuple]:
    with DuckDBWarehouse(settings).write() as writer:
        return [tuple(row.values()) for row in writer.fetch(READ_ALL)]


# x was 0 to 499 and one more since: 124,750 + 500, in each of the tables.
EVERY_ROW = [(125_250, ROWS, True)]


@pytest.mark.parametrize("at", [4096, 8192, BLOCK // 2, BLOCK - 4096])
def test_a_half_written_block_of_the_catalogue_is_mended_and_named(settings, cut_off, caplog, at):
    torn(cut_off, settings.warehouse_file, at)
    # Without us it is lost.
    copy = settings.home / "copy.duckdb"
    shutil.copy(settings.warehouse_file, copy)
    shutil.copy(f"{settings.warehouse_file}.wal", f"{copy}.wal")
    with pytest.raises(duckdb.IOException, match="Corrupt database file"):
        duckdb.connect(str(copy)).execute(READ_ALL)
    assert rows(settings) == EVERY_ROW
    assert f"block {cut_off.block} was half written when a process was stopped" in caplog.text
    # It was said once, and the checkpoint that followed left the file whole.
    caplog.clear()
    assert rows(settings) == EVERY_ROW
    assert caplog.text == ""


def test_a_checkpoint_that_was_cut_off_between_blocks_needs_no_mending(settings, cut_off, caplog):
    settings.warehouse_file.write_bytes(cut_off.after)
    assert rows(settings) == EVERY_ROW
    assert caplog.text == ""


def test_damage_that_no_checkpoint_explains_is_refused_and_left_as_it_is(settings, cut_off):
    path = settings.warehouse_file
    # Neither a log nor a mark tells of a writer that died.
    torn(cut_off, path, BLOCK // 2)
    log = Path(f"{path}.wal")
    kept = log.read_bytes()
    log.unlink()
    damaged = path.read_bytes()
    with pytest.raises(StorageError, match=r"is damaged .* restore it from a backup"):
        rows(settings)
    assert path.read_bytes() == damaged
    # It does, but the block had no free places: no checkpoint writes there.
    image = bytearray(cut_off.after)
    image[FIRST_BLOCK + cut_off.full * BLOCK + BLOCK // 2] ^= 1
    path.write_bytes(image)
    log.write_bytes(kept)
    with pytest.raises(StorageError, match="is damaged"):
        rows(settings)
    assert path.read_bytes() == bytes(image)
    # It does, but a header is damaged too: that was the disk.
    torn(cut_off, path, BLOCK // 2)
    image = bytearray(path.read_bytes())
    image[2 * 4096 + 100] ^= 1
    path.write_bytes(image)
    with pytest.raises(StorageError, match="is damaged"):
        rows(settings)
    assert path.read_bytes() == bytes(image)


def test_a_writer_of_ours_that_died_is_known_by_its_mark_where_there_is_no_log(settings, cut_off, caplog):
    path = settings.warehouse_file
    # As after a transaction that was too large for the log: what it did is not there, what was before it is.
    torn(cut_off, path, BLOCK // 2)
    Path(f"{path}.wal").unlink()
    other = settings.home / "other"
    die(other, "pass")
    (other / f"{path.name}.open").rename(settings.home / f"{path.name}.open")
    assert rows(settings) == [(124_750, ROWS, False)]
    assert f"block {cut_off.block} was half written" in caplog.text
    assert not (settings.home / f"{path.name}.open").exists()


def test_a_first_session_that_died_before_its_first_checkpoint_is_no_news(settings, caplog):
    die(settings.home, "writer.execute('create table t (x bigint)')")
    with DuckDBWarehouse(settings).write() as writer:
        assert writer.fetch("select count(*) as n from t") == [{"n": 0}]
    assert caplog.text == ""
    assert not (settings.home / f"{settings.warehouse_file.name}.open").exists()


def test_a_file_keeps_its_mark_until_the_last_session_of_a_process_ends(settings):
    warehouse = DuckDBWarehouse(settings)
    mark = settings.home / f"{settings.warehouse_file.name}.open"
    with warehouse.held():
        with warehouse.write():
            assert mark.exists()
        assert mark.exists()
    assert not mark.exists()


def test_a_file_that_somebody_has_open_is_not_mended(settings, cut_off):
    path = settings.warehouse_file
    torn(cut_off, path, BLOCK // 2)
    damaged = path.read_bytes()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        with pytest.raises(WarehouseBusyError, match="in use by another process"):
            rows(settings)
        assert path.read_bytes() == damaged
    finally:
        holder.communicate("\n")
    assert rows(settings) == EVERY_ROW


@pytest.mark.parametrize("junk", [b"", b"\x00" * 300, b"x" * 300, b"\xff" * 300])
def test_a_log_of_anything_else_is_nothing_to_mend(settings, cut_off, junk):
    path = settings.warehouse_file
    torn(cut_off, path, BLOCK // 2)
    Path(f"{path}.wal").write_bytes(junk)
    damaged = path.read_bytes()
    with pytest.raises((StorageError, duckdb.Error)):
        rows(settings)
    assert path.read_bytes() == damaged
