"""Whether a table may have the key of a staged row, told by numbers that the keys are hashed to.

To read a long table's keys again for each batch of an import would take longer than to write the batch.
"""

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from warehouse.statements import quoted, quoted_table
from warehouse.tables import DUCKDB_TYPES, TableSpec

_MOST_IN_MEMORY = 16_000_000
_Numbers = np.ndarray[tuple[int], np.dtype[np.uint64]]


class KeyDigests:
    """The numbers of one table's keys, in a session that alone writes to it: those of rows that went stay among them.

    `sql` runs a statement of that session. Up to 16 million numbers (128 MB) are kept in order in memory, where new
    ones are put among them in a third of the time that a join takes; more are a temporary table of the engine's.
    """

    def __init__(self, sql: Callable[[str], pa.Table], table: TableSpec) -> None:
        self._sql = sql
        self._table = table
        self._in_order: _Numbers | None = None
        self._batches = 0

    def may_have(self, staged: str) -> bool:
        """Whether the table may have the key of a row of `staged`, of which all are known from here on.

        Of a session's first batch nothing is asked, since it may be the only one: yes.
        """
        self._batches += 1
        if self._batches == 1:
            return True
        if self._batches == 2 and self._count() <= _MOST_IN_MEMORY:
            self._in_order, _ = self._among(np.empty(0, np.uint64), quoted_table(self._table.qualified))
        if self._in_order is None:
            return self._among_engines(staged)
        self._in_order, is_met = self._among(self._in_order, staged)
        if len(self._in_order) > _MOST_IN_MEMORY:
            self._in_order = None
        return is_met

    def _among(self, known: _Numbers, rows: str) -> tuple[_Numbers, bool]:
        """Known numbers and those of some rows, in order; and whether one of them comes twice."""
        new = np.sort(self._sql(f"select {self._digest()} as digest from {rows}")["digest"].to_numpy())
        # Two runs in order are what this kind of sorting puts together in one pass.
        numbers = np.sort(np.concatenate([known, new]), kind="stable")
        is_repeated = numbers[1:] == numbers[:-1]
        if not is_repeated.any():
            return numbers, False
        return numbers[np.append(True, ~is_repeated)], True

    def _among_engines(self, staged: str) -> bool:
        numbers = quoted(f"_merge_digests_{self._table.name}")
        target = quoted_table(self._table.qualified)
        # Where the transaction that made it was rolled back it is made again.
        self._sql(f"create temp table if not exists {numbers} as select {self._digest()} as digest from {target}")
        found = self._sql(
            f"select count(*) as n from {numbers} where digest in (select {self._digest()} from {staged})"
        )
        self._sql(f"insert into {numbers} select {self._digest()} from {staged}")
        return bool(found["n"][0].as_py())

    def _count(self) -> int:
        return self._sql(f"select count(*) as n from {quoted_table(self._table.qualified)}")["n"][0].as_py()

    def _digest(self) -> str:
        types = {column.name: DUCKDB_TYPES[column.type] for column in self._table.columns}
        # The same value of another type has another hash.
        return f"hash({', '.join(f'cast({quoted(name)} as {types[name]})' for name in self._table.key)})"
