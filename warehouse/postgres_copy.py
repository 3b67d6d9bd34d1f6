"""Rows of DuckDB into a table of PostgreSQL by its binary COPY: neither side writes or reads a row as text.

Rows leave DuckDB in Arrow and become COPY's bytes in one call a batch, a few batches ahead of what the server takes.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pyarrow as pa
from pgpq import ArrowToPostgresBinaryEncoder
from pgpq.encoders import StringEncoderBuilder
from pgpq.schema import Jsonb

from warehouse.duckdb import DuckDBReading
from warehouse.errors import ReadingError
from warehouse.postgres import Connection, columns_of
from warehouse.statements import column_list, quoted

# The server reads a value as what its column is, and says only that a wrong one is no such binary format.
_DUCKDB_TYPES = {
    "bigint": "bigint",
    "boolean": "boolean",
    "date": "date",
    "double precision": "double",
    "integer": "integer",
    "jsonb": "varchar",
    "text": "varchar",
    "timestamptz": "timestamp",
}
_BATCH_ROWS = 8192
_AHEAD = 3


def copy_rows(
    connection: Connection, reading: DuckDBReading, target: str, values: Sequence[tuple[str, str]], source: str
) -> int:
    """Copy into `target` (quoted) what the reading session has: `values` are columns and what fills them, in DuckDB's
    SQL over `source` (what stands behind FROM). Timestamps are UTC. The number of rows copied.

    Raises the server's errors, and ReadingError where the rows cannot be read.
    """
    kinds = columns_of(connection, target)
    selected = ", ".join(f"cast({value} as {_DUCKDB_TYPES[kinds[name]]}) as {quoted(name)}" for name, value in values)
    names = [name for name, _ in values]
    batches = reading.batches(f"select {selected} from {source}", _BATCH_ROWS)
    statement = f"copy {target} ({column_list(names)}) from stdin with (format binary)".encode()
    with connection.cursor() as cursor:
        with cursor.copy(statement) as to:
            json = {name for name in names if kinds[name] == "jsonb"}
            # Closed where the server refuses a row too: then nobody reads any more when the session is used again.
            with closing(_ahead(_encoded(batches, json))) as pieces:
                for piece in pieces:
                    to.write(piece)
        return cursor.rowcount


def _encoded(batches: pa.RecordBatchReader, json: set[str]) -> Iterator[bytes]:
    """COPY's bytes: its header, a piece a batch, its end."""
    encoders = {
        field.name: StringEncoderBuilder.new_with_output(field, Jsonb())
        if field.name in json
        else ArrowToPostgresBinaryEncoder.infer_encoder(field)
        for field in batches.schema
    }
    encoder = ArrowToPostgresBinaryEncoder.new_with_encoders(batches.schema, encoders)
    yield encoder.write_header()
    try:
        for batch in batches:
            yield encoder.write_batch(batch)
    except (pa.ArrowException, OSError) as error:
        # What DuckDB says while it streams comes through Arrow.
        raise ReadingError(str(error).splitlines()[0]) from error
    yield encoder.finish()


def _ahead(pieces: Iterable[bytes]) -> Generator[bytes, None, None]:
    """The pieces, made by a thread of its own while those before are taken."""
    following = iter(pieces)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="copy") as made:
        waiting = deque(made.submit(next, following, None) for _ in range(_AHEAD))
        while (piece := waiting.popleft().result()) is not None:
            waiting.append(made.submit(next, following, None))
            yield piece
