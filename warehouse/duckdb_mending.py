"""A block of a DuckDB file that a killed process left half written is made whole before the file is opened.

DuckDB keeps up to 64 pages of its catalogue in one block. A checkpoint writes its new pages into the free places of
such a block, and so writes the block anew where it lies, pages of the last checkpoint and all. A process that is killed
within that write leaves the first part of the new block before the last part of the old one. The pages in use are the
same in both, so nothing is lost; but the block's checksum is of the new one, and DuckDB refuses the file from then on.

That is what is mended, and as little else as can be told from it. A writer must have died: the mark that it makes when
it opens the file is still there, or DuckDB's own log ends with a checkpoint that was begun (which covers a dbt that
was run by hand; but after a large transaction DuckDB makes a checkpoint without a log). Exactly one block must be
damaged, as one is written at a time, and it must hold pages of the catalogue and free places between them: no
checkpoint rewrites data or full blocks of pages. The headers' own checksums must be right, which also proves that they
are made as they are here. Only the checksum is written; anything else stays for DuckDB to refuse. Were such a block
damaged by the disk as well, in the very session that was killed, it would pass as torn; so what is done is logged with
both checksums.

This follows src/storage of DuckDB 1.5: metadata_manager.cpp, single_file_block_manager.cpp and storage_manager.cpp.

Run as a program, with the file's path: it takes the lock that DuckDB takes, which a process that has the file open
would lose by opening it a second time. Prints [block, checksum before, checksum now] or null as JSON.
"""

import fcntl
import json
import os
import struct
import subprocess
import sys
from functools import reduce
from operator import xor
from pathlib import Path

_MAGIC = b"DUCK"
# Of files that DuckDB 1.2 to 1.5 write; read with it as what it says of encryption.
_STORAGE_VERSIONS = range(64, 68)
_HEADER_SIZE = 4096
_HEADERS = (4096, 8192)
_FIRST_BLOCK = 3 * 4096
_BLOCK_SIZE = 256 * 1024
_CHECKSUM_SIZE = 8
_PAGES = 64
_NO_PAGE = 2**64 - 1
# An entry of the log is its size, its checksum and its fields, the first of which is field 100, its type.
_ENTRY_HEAD = struct.Struct("<QQ")
_CHECKPOINT_BEGUN = b"\x64\x00\x63"
_END_OF_TRANSACTION = b"\x64\x00\x64\xff\xff"
_LONGEST_CHECKPOINT_ENTRY = 64


class MendingError(Exception):
    """The file could not be looked at, for this reason."""


def open_mark(file: Path) -> Path:
    """The empty file that lies beside a DuckDB file while a process of ours writes to it."""
    return file.with_name(f"{file.name}.open")


def a_writer_died(file: Path) -> bool:
    """Whether a DuckDB file that no process writes to was not closed properly: a process died, or a checkpoint."""
    return open_mark(file).exists() or _ends_with_a_checkpoint_begun(Path(f"{file}.wal"))


def _ends_with_a_checkpoint_begun(log_file: Path) -> bool:
    try:
        with log_file.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - 256))
            tail = log.read()
    except OSError:
        return False
    last = _ENTRY_HEAD.size + len(_END_OF_TRANSACTION)
    if not tail.endswith(_END_OF_TRANSACTION) or len(tail) < last:
        return False
    if _ENTRY_HEAD.unpack_from(tail, len(tail) - last)[0] != len(_END_OF_TRANSACTION):
        return False
    before = tail[:-last]
    return any(
        _ENTRY_HEAD.unpack_from(before, len(before) - size - _ENTRY_HEAD.size)[0] == size
        and before[-size:].startswith(_CHECKPOINT_BEGUN)
        for size in range(len(_CHECKPOINT_BEGUN), min(_LONGEST_CHECKPOINT_ENTRY, len(before) - _ENTRY_HEAD.size) + 1)
    )


def mend_after_kill(file: Path) -> tuple[int, int, int] | None:
    """Mend `file` where a writer died: the block with its checksums before and now, mostly None.

    In a process of its own; nothing is done where another process, or this one, has the file open. MendingError where
    the file could not be looked at.
    """
    if not file.exists() or not a_writer_died(file):
        return None
    # -P: this folder's names must not stand before those of the standard library.
    command = [sys.executable, "-P", __file__, str(file)]
    try:
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise MendingError(str(error)) from error
    if run.returncode != 0:
        raise MendingError((run.stderr.strip().splitlines() or [f"it ended with {run.returncode}"])[-1])
    mended = json.loads(run.stdout)
    return None if mended is None else (mended[0], mended[1], mended[2])


def mend(file: Path) -> tuple[int, int, int] | None:
    """The work of `mend_after_kill`, in this process. OSError where the file is in use, ValueError where unknown."""
    with file.open("r+b", buffering=0) as opened:
        handle = opened.fileno()
        fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if not a_writer_died(file):
            return None
        damaged = []
        for number in _rewritten_in_place(handle):
            block = _read(handle, _FIRST_BLOCK + number * _BLOCK_SIZE, _BLOCK_SIZE)
            if _stored(block) != _checksum(block):
                damaged.append((number, _stored(block), _checksum(block)))
        if len(damaged) != 1:
            return None
        number, stored, computed = damaged[0]
        os.pwrite(handle, computed.to_bytes(_CHECKSUM_SIZE, "little"), _FIRST_BLOCK + number * _BLOCK_SIZE)
        os.fsync(handle)
        return number, stored, computed


def _rewritten_in_place(handle: int) -> list[int]:
    """The blocks with pages of the last checkpoint and free places between them, as its list of free blocks says."""
    main, *headers = (_read(handle, place, _HEADER_SIZE) for place in (0, *_HEADERS))
    magic, version, flags = struct.unpack_from("<4sQQ", main, _CHECKSUM_SIZE)
    is_encrypted = flags & 1
    if magic != _MAGIC or version not in _STORAGE_VERSIONS or is_encrypted:
        raise ValueError("not a DuckDB file of a known kind")
    if any(_stored(header) != _checksum(header) for header in (main, *headers)):
        raise ValueError("its headers are damaged")
    first, second = (struct.unpack_from("<5Q", header, _CHECKSUM_SIZE) for header in headers)
    _, _, page, blocks, block_size = first if first[0] > second[0] else second
    if block_size != _BLOCK_SIZE:
        raise ValueError("blocks of another size")
    if page == _NO_PAGE:
        # Nothing was ever written but to the log.
        return []
    free = _pages(handle, page, blocks)
    try:
        # Numbers of free blocks, then of blocks in use several times with their counts, then what is asked for.
        place = 8 + 8 * _count(free, 0)
        place += 8 + 12 * _count(free, place)
        listed = struct.iter_unpack("<qQ", free[place + 8 : place + 8 + 16 * _count(free, place)])
    except struct.error as error:
        raise ValueError("its list of free blocks ends too early") from error
    return [number for number, places in listed if places != 0 and 0 <= number < blocks]


def _count(content: bytes, place: int) -> int:
    return int(struct.unpack_from("<Q", content, place)[0])


def _pages(handle: int, page: int, blocks: int) -> bytes:
    """What a chain of pages holds, each of them led by the next one's number: the block, and above it the place."""
    size = (_BLOCK_SIZE - _CHECKSUM_SIZE) // _PAGES // 8 * 8
    read: list[bytes] = []
    seen: set[int] = set()
    while page != _NO_PAGE:
        block, place = page & (2**56 - 1), page >> 56
        if page in seen or block >= blocks or place >= _PAGES:
            raise ValueError("a chain of pages that leads nowhere")
        seen.add(page)
        content = _read(handle, _FIRST_BLOCK + block * _BLOCK_SIZE + _CHECKSUM_SIZE + place * size, size)
        page = int.from_bytes(content[:8], "little")
        read.append(content[8:])
    return b"".join(read)


def _read(handle: int, place: int, size: int) -> bytes:
    content = os.pread(handle, size, place)
    if len(content) != size:
        raise ValueError("the file ends too early")
    return content


def _stored(block: bytes) -> int:
    return int.from_bytes(block[:_CHECKSUM_SIZE], "little")


def _checksum(block: bytes) -> int:
    """DuckDB's own, of what follows it: every eight bytes times a constant, put together by exclusive or."""
    words = memoryview(block)[_CHECKSUM_SIZE:].cast("Q")
    return reduce(xor, (word * 0xBF58476D1CE4E5B9 & _NO_PAGE for word in words), 5381)


if __name__ == "__main__":
    print(json.dumps(mend(Path(sys.argv[1]))))
