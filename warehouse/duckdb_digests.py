"""Whether a table may have the key of a staged row, told by numbers that the keys are hashed to.

To read a long table's keys again for each batch of an import would take longer than to write the batch.
"""

import uuid
from collections.abc import Callable

import numpy as np
import pyarrow as pa

from warehouse.statements import quoted, quoted_table
from warehouse.tables import DUCKDB_TYPES, TableSpec

_MOST_IN_MEMORY = 16_000_000


class KeyDigests:
    """The numbers of one table's keys, in a session that alone writes to it: those of rows that went stay among them.

    `sql` runs a statement of that session. Up to 16 million numbers (128 MB) are kept in order in memory, where new
    ones are put among them in a third of the time that a join takes; more are a temporary table of the engine's.
    """

    def __init__(self, sql: Callable[[str], pa.Table], table: TableSpec) -> None:
        self.table = table
        self._sql = sql
        # The engine's table has a name of its own: what is dropped comes back where that is rolled back.
        self._in_engine = f"_merge_digests_{uuid.uuid4().hex}"
        # Room that is not filled takes no memory, and a longer array would be a second one while it is made.
        self._room: np.ndarray[tuple[int], np.dtype[np.uint64]] = np.empty(0, np.uint64)
        self._filled = 0
        self._batches = 0

    def may_have(self, staged: str) -> bool:
        """Whether the table may have the key of a row of `staged`, of which all are known from here on.

        Of a session's first batch nothing is asked, since it may be the only one: yes.
        """
        self._batches += 1
        if self._batches == 1:
            return True
        if self._batches == 2 and self._count() <= _MOST_IN_MEMORY:
            self._room = np.empty(_MOST_IN_MEMORY, np.uint64)
            self._put(quoted_table(self.table.qualified))
        is_met = self._put(staged) if len(self._room) else None
        if is_met is None:
            self._room = np.empty(0, np.uint64)
            return self._put_into_engine(staged)
        return is_met

    def forget(self) -> None:
        """Give up what the engine keeps."""
        self._sql(f"drop table if exists {self._in_engine}")

    def _put(self, rows: str) -> bool | None:
        """Put the numbers of rows among those in memory; whether one comes twice now. None where there is no room."""
        new = self._sql(f"select {self._digest()} as digest from {rows}")["digest"].to_numpy()
        end = self._filled + len(new)
        if end > len(self._room):
            return None
        self._room[self._filled : end] = np.sort(new)
        numbers = self._room[:end]
        # Two runs in order are what this kind of sorting puts together in one pass.
        numbers.sort(kind="stable")
        is_new = numbers[1:] != numbers[:-1]
        if is_new.all():
            self._filled = end
            return False
        kept = numbers[np.append(True, is_new)]
        self._filled = len(kept)
        self._room[: self._filled] = kept
        return True

    def _put_into_engine(self, staged: str) -> bool:
        target = quoted_table(self.table.qualified)
        # Where the transaction that made it was rolled back it is made again.
        self._sql(
            f"create temp table if not exists {self._in_engine} as select {self._digest()} as digest from {target}"
        )
        found = self._sql(
            f"select count(*) as n from {self._in_engine} where digest in (select {self._digest()} from {staged})"
        )
        self._sql(f"insert into {self._in_engine} select {self._digest()} from {staged}")
        return bool(found["n"][0].as_py())

    def _count(self) -> int:
        return self._sql(f"select count(*) as n from {quoted_table(self.table.qualified)}")["n"][0].as_py()

    def _digest(self) -> str:
        types = {column.name: DUCKDB_TYPES[column.type] for column in self.table.columns}
        # The same value of another type has another hash.
        return f"hash({', '.join(f'cast({quoted(name)} as {types[name]})' for name in self.table.key)})"
