"""What a read gives back, the same from both engines."""

import pyarrow as pa


def plain_numbers(rows: pa.Table) -> pa.Table:
    """Whole decimals (sums of bigint) as int64 where they fit, other decimals as doubles.

    DuckDB sums bigint to a 128-bit integer and PostgreSQL to numeric; a chart wants neither.
    """
    for i, column in enumerate(rows.schema):
        if not pa.types.is_decimal(column.type):
            continue
        values = rows.column(i)
        target = pa.float64()
        if column.type.scale == 0 and _fits(values):
            target = pa.int64()
        rows = rows.set_column(i, column.name, values.cast(target))
    return rows


def _fits(values: pa.ChunkedArray) -> bool:
    try:
        values.cast(pa.int64())
    except pa.ArrowInvalid:
        return False
    return True
