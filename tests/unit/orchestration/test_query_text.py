"""What `query` prints: whether there are more rows than it shows, and no number that reads like another."""

from pathlib import Path

import pyarrow as pa
import pytest

from orchestration.query import write_rows


def _printed(rows: pa.Table, folder: Path, *, most: int | None) -> list[str]:
    write_rows(rows, "table", folder / "rows.txt", most=most)
    return (folder / "rows.txt").read_text(encoding="utf-8").splitlines()


def test_a_table_that_ends_before_the_last_row_says_so(tmp_path):
    rows = pa.table({"team_id": ["a", "b", "c"]})
    assert _printed(rows, tmp_path, most=2)[2:] == ["a", "b", "(the first 2 rows; --limit shows more)"]
    assert _printed(rows, tmp_path, most=3)[2:] == ["a", "b", "c", "(3 rows)"]
    assert _printed(rows, tmp_path, most=None)[-1] == "(3 rows)"
    assert _printed(rows.slice(0, 1), tmp_path, most=1)[-1] == "(1 row)"
    assert _printed(rows, tmp_path, most=1)[-1] == "(the first row; --limit shows more)"


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.99996, "0.99996"), (0.00004, "0.00004"), (0.5, "0.5000"), (1.0, "1.0000"), (31.13, "31.1300"), (0.0, "0.0000")],
)
def test_a_share_that_is_not_whole_does_not_read_like_all_or_nothing(tmp_path, value, text):
    assert _printed(pa.table({"uptime": [value]}), tmp_path, most=None)[2].strip() == text
