from typing import Any

from expectations import frames
from expectations.frames import FrameCheck, evaluate


def _check(rows: Any, minimum: float | None = 0, maximum: float | None = 1) -> FrameCheck:
    def fetch() -> list[dict[str, Any]]:
        if isinstance(rows, Exception):
            raise rows
        return rows

    return FrameCheck(
        name="shares",
        border="metrics",
        severity="blocking",
        column="value",
        minimum=minimum,
        maximum=maximum,
        expected="between 0 and 1",
        reason="a test",
        fetch=fetch,
        show=("team",),
    )


def test_each_table_of_a_frame_passes_or_fails_by_itself() -> None:
    rows = [
        {"table_name": "metrics.a", "value": 0.5, "team": "x"},
        {"table_name": "metrics.b", "value": 0.5, "team": "y"},
        {"table_name": "metrics.b", "value": 1.5, "team": "z"},
        {"table_name": "metrics.c", "value": None, "team": "z"},
    ]
    found = {row["table_name"]: row for row in evaluate(_check(rows))}
    assert {name: row["status"] for name, row in found.items()} == {
        "metrics.a": "passed",
        "metrics.b": "failed",
        "metrics.c": "passed",
    }
    assert found["metrics.b"]["observed"] == "value = 1.5 (team z)"


def test_one_cent_of_difference_fails() -> None:
    rows = [{"table_name": "metrics.mrr_bridge", "value": 1, "team": "total"}]
    assert evaluate(_check(rows, 0, 0))[0]["status"] == "failed"


def test_no_rows_are_no_data_and_no_result() -> None:
    assert evaluate(_check([])) == []


def test_a_check_that_crashes_is_an_error_and_not_a_failure() -> None:
    row = evaluate(_check(ValueError("no such column\nmore")))[0]
    assert row["status"] == "error"
    assert row["observed"] == "ValueError: no such column"


def test_an_evaluator_that_was_killed_is_started_again() -> None:
    frames.warm_up()
    first = frames._started
    assert first is not None
    first.kill()
    first.wait()
    assert evaluate(_check([{"table_name": "metrics.a", "value": 2, "team": "x"}]))[0]["status"] == "failed"
    assert frames._started is not first


def test_a_question_that_the_library_cannot_answer_is_an_error() -> None:
    row = evaluate(_check([{"table_name": "metrics.a", "value": 0.5, "team": "x"}], minimum=1, maximum=0))[0]
    assert row["status"] == "error"
