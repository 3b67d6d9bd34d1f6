"""NDJSON as lines in Arrow, looked through on the way: a file is read, and decompressed, exactly once.

The engine takes `Lines` as a stream. A file that turns out to be no good ends there, with its reason, and the next one
begins; what of it was handed on is the taker's to throw away. No line passes through Python: a text of many is one
buffer, and where each ends in it.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa

from ingest.delivery import DroppedFile, Look, looked_at, with_plain_lines
from warehouse.errors import RefusedFileError

# So many bytes of one byte in the file are repetition. Dense exports pack thirty times.
_DENSE = 100
_JUDGED_FROM = 256 << 10
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_SCHEMA = pa.schema([("line", pa.string()), ("_number", pa.int32()), ("_has_nul", pa.bool_())])


class Lines:
    """The lines of NDJSON files, one file after the other, each line with its end and its file's number.

    `_has_nul` says that the file may hold a NUL character, up to this line. When all is read, each file's
    look is complete or `refused` has the reason why the file cannot be trusted, by its number; `failure` is what
    ended it all. The names are such as no contract's column has.
    """

    def __init__(self, files: Sequence[tuple[int, DroppedFile, Look]]) -> None:
        self._files = files
        self.refused: dict[int, RefusedFileError] = {}
        self.failure: Exception | None = None
        # Memory that is new for every text costs more than finding its lines does.
        self._is_end = np.empty(0, np.bool_)

    def reader(self) -> pa.RecordBatchReader:
        """The stream, to be read once."""
        return pa.RecordBatchReader.from_batches(_SCHEMA, self._batches())

    def _batches(self) -> Iterator[pa.RecordBatch]:
        try:
            for number, file, look in self._files:
                try:
                    for text, end in _texts(file, look):
                        yield self._batch(text, end, number, look)
                except RefusedFileError as error:
                    self.refused[number] = error
        except Exception as error:
            self.failure = error
            raise

    def _batch(self, text: bytes, end: int, number: int, look: Look) -> pa.RecordBatch:
        """The lines of a text up to `end`; what is behind that stays unread in the buffer."""
        letters = np.frombuffer(text, np.uint8, end)
        if len(self._is_end) < end:
            self._is_end = np.empty(end, np.bool_)
        is_end = np.equal(letters, ord("\n"), out=self._is_end[:end])
        bounds = [np.zeros(1, np.int32), np.flatnonzero(is_end).astype(np.int32) + 1]
        if letters[-1] != ord("\n"):
            bounds.append(np.array([end], np.int32))
        offsets = np.concatenate(bounds)
        rows = len(offsets) - 1
        lines = pa.StringArray.from_buffers(rows, pa.py_buffer(offsets), pa.py_buffer(text))
        same = (pa.scalar(number, pa.int32()), pa.scalar(look.has_nul))
        return pa.record_batch([lines, *(pa.repeat(value, rows) for value in same)], schema=_SCHEMA)


def _texts(file: DroppedFile, look: Look) -> Iterator[tuple[bytes, int]]:
    """The file in texts with the end of their last whole line, in UTF-8 without a mark; that of the last is its end."""
    rest = begun = b""
    is_first = True
    for chunk in _not_dense(file, look):
        # A text is copied once, and not cut: that would take as long as all that is done with it here.
        text, begun = with_plain_lines(rest + begun + chunk, look)
        if is_first:
            text, is_first = text.removeprefix(_BYTE_ORDER_MARK), False
        end = text.rfind(b"\n") + 1
        rest = text[end:]
        if end:
            _refuse_if_no_text(text, end, file)
            yield text, end
    rest += b"\n" if begun else b""
    if rest:
        _refuse_if_no_text(rest, len(rest), file)
        yield rest, len(rest)


def _not_dense(file: DroppedFile, look: Look) -> Iterator[bytes]:
    """The file's content, looked at; where some of it is all repetition, the whole is before any of that is handed on.

    What grows a thousand times is refused only far behind its start, and a row takes far more room than a line end.
    """
    is_judged = file.compression is None
    length = packed_length = 0
    for chunk in looked_at(file, look):
        if not is_judged and look.length - length >= _JUDGED_FROM:
            if look.length - length > _DENSE * (look.packed_length - packed_length):
                for _ in looked_at(file, Look(checksum="")):
                    pass
                is_judged = True
            length, packed_length = look.length, look.packed_length
        yield chunk


def _refuse_if_no_text(text: bytes, end: int, file: DroppedFile) -> None:
    if not text.isascii():
        try:
            str(memoryview(text)[:end], "utf-8")
        except UnicodeDecodeError as error:
            raise RefusedFileError(f"{file.name}: is not UTF-8; deliver it as UTF-8") from error
