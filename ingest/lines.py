"""NDJSON as lines in Arrow, looked through on the way: a file is read, and decompressed, exactly once.

The engine takes `Lines` as a stream. A file that turns out to be no good ends there, with its reason, and the next one
begins; what of it was handed on is the taker's to throw away. No line passes through Python: a block of them is one
buffer, and where each ends in it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from ingest.delivery import DroppedFile, Look, looked_at, with_plain_lines
from warehouse.errors import RefusedFileError

# Enough lines for the engine to take at once, and few enough to be in the processor's cache when it does.
_BLOCK = 2 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SCHEMA = pa.schema(
    [("line", pa.string()), ("number", pa.int32()), ("has_nul", pa.bool_()), ("has_not_a_number", pa.bool_())]
)


class Lines:
    """The lines of NDJSON files, one file after the other, each line with its end and its file's number.

    `has_nul` and `has_not_a_number` say that the file may hold one, up to this line. When all is read, each file's look
    is complete or `refused` has the reason why the file cannot be trusted, by its number; `failure` is what
    ended it all.
    """

    def __init__(self, files: Sequence[tuple[int, DroppedFile, Look]]) -> None:
        self._files = files
        self.refused: dict[int, RefusedFileError] = {}
        self.failure: BaseException | None = None

    def reader(self) -> pa.RecordBatchReader:
        """The stream, to be read once."""
        return pa.RecordBatchReader.from_batches(_SCHEMA, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for number, file, look in self._files:
                try:
                    for block in _blocks(file, look):
                        yield _batch(block, number, look)
                except RefusedFileError as error:
                    self.refused[number] = error
        except BaseException as error:
            self.failure = error
            raise


def _batch(block: bytes, number: int, look: Look) -> pa.RecordBatch:
    ends = np.flatnonzero(np.frombuffer(block, np.uint8) == ord("\n")).astype(np.int32) + 1
    bounds = [np.zeros(1, np.int32), ends]
    if not block.endswith(b"\n"):
        bounds.append(np.array([len(block)], np.int32))
    offsets = np.concatenate(bounds)
    rows = len(offsets) - 1
    lines = pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(block))
    same = (pa.repeat(pa.scalar(value), rows) for value in (look.has_nul, look.has_not_a_number))
    return pa.record_batch([lines, pa.array(np.full(rows, number, np.int32)), *same], schema=_SCHEMA)


def _blocks(file: DroppedFile, look: Look) -> Iterator[bytes]:
    """The file in blocks of whole lines that all end in a newline, but for the last, in UTF-8 without a mark."""
    kept: list[bytes] = []
    size = 0
    is_first = True
    for chunk in looked_at(file, look):
        kept.append(chunk)
        size += len(chunk)
        if size < _BLOCK:
            continue
        text, rest = with_plain_lines(b"".join(kept), look)
        end = text.rfind(b"\n") + 1
        kept = [text[end:], rest]
        size = len(text) - end
        if end:
            yield _readable(text[:end], file, is_first)
            is_first = False
    text, rest = with_plain_lines(b"".join(kept), look)
    text += b"\n" if rest else b""
    if text:
        yield _readable(text, file, is_first)


def _readable(text: bytes, file: DroppedFile, is_first: bool) -> bytes:
    if is_first:
        text = text.removeprefix(_BYTE_ORDER_MARK)
    if not text.isascii():
        try:
            text.decode()
        except UnicodeDecodeError as error:
            raise RefusedFileError(f"{file.name}: is not UTF-8; deliver it as UTF-8") from error
    return text
