"""Rows of JSON text built column by column with Arrow: no Python object per row.

A row is a join of fragments. Whatever repeats (a person, a skill, a set of flags) is one string of a small table,
taken by index; only ids and times are computed per row.
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_HEX_PAIRS = np.frombuffer("".join(f"{value:02x}" for value in range(256)).encode(), dtype=np.uint8).reshape(256, 2)
_DASHES = (8, 13, 18, 23)
_DIGIT_PLACES = np.array([at for at in range(36) if at not in _DASHES])


def table_of(fragments: Sequence[str]) -> pa.Array:
    """A table of fragments to take from."""
    return pa.array(fragments, type=pa.large_string())


def take(fragments: pa.Array, indices: np.ndarray) -> pa.Array:
    """One fragment per row."""
    return pc.take(fragments, pa.array(np.asarray(indices, dtype=np.int64)), boundscheck=False)


def join_rows(columns: Sequence[pa.Array | str]) -> pa.Array:
    """Join columns into one string per row; a plain string stands on every row."""
    parts = [pa.scalar(part, type=pa.large_string()) if isinstance(part, str) else part for part in columns]
    return pc.call_function("binary_join_element_wise", [*parts, pa.scalar("", type=pa.large_string())])


def file_bytes(lines: pa.Array) -> memoryview:
    """The text of all rows, one after the other, without a copy. Every row carries its own line end."""
    if len(lines) == 0:
        return memoryview(b"")
    offsets = np.frombuffer(lines.buffers()[1], dtype=np.int64)[lines.offset : lines.offset + len(lines) + 1]
    return memoryview(lines.buffers()[2])[int(offsets[0]) : int(offsets[-1])]


def _fixed_width(characters: np.ndarray) -> pa.Array:
    rows, width = characters.shape
    offsets = np.arange(rows + 1, dtype=np.int64) * width
    return pa.LargeStringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(np.ascontiguousarray(characters)))


def hex_text(raw: np.ndarray) -> pa.Array:
    """Bytes of shape (rows, n) as 2n hex digits per row."""
    return _fixed_width(_HEX_PAIRS[raw].reshape(len(raw), 2 * raw.shape[1]))


def uuid_text(random: np.random.Generator, rows: int) -> pa.Array:
    """Version-4 UUIDs drawn from `random`."""
    raw = np.frombuffer(random.bytes(16 * rows), dtype=np.uint8).reshape(rows, 16).copy()
    raw[:, 6] = (raw[:, 6] & 0x0F) | 0x40
    raw[:, 8] = (raw[:, 8] & 0x3F) | 0x80
    characters = np.full((rows, 36), ord("-"), dtype=np.uint8)
    characters[:, _DIGIT_PLACES] = _HEX_PAIRS[raw].reshape(rows, 32)
    return _fixed_width(characters)


def clock_text(milliseconds: np.ndarray) -> pa.Array:
    """Milliseconds since midnight as ``HH:MM:SS.mmm``."""
    value = np.asarray(milliseconds, dtype=np.int64)
    characters = np.empty((len(value), 12), dtype=np.uint8)
    for unit, base, at, digits in ((3_600_000, 24, 0, 2), (60_000, 60, 3, 2), (1_000, 60, 6, 2), (1, 1_000, 9, 3)):
        part = value // unit % base
        for place in range(digits):
            characters[:, at + place] = ord("0") + part // 10 ** (digits - 1 - place) % 10
    characters[:, (2, 5)] = ord(":")
    characters[:, 8] = ord(".")
    return _fixed_width(characters)


def moment_text(start: date, seconds: np.ndarray) -> pa.Array:
    """Seconds since midnight of `start` as ``YYYY-MM-DDTHH:MM:SSZ``."""
    moments = np.datetime64(start, "s") + np.asarray(seconds, dtype="timedelta64[s]")
    return pa.array(np.datetime_as_string(moments, unit="s", timezone="UTC"), type=pa.large_string())


def number_text(values: np.ndarray) -> pa.Array:
    """Integers, or numbers with one decimal, as JSON numbers."""
    return pc.cast(pa.array(values), pa.large_string())
