"""Great Expectations in a process of its own: questions come in on standard input, answers go out, a JSON line each.

It takes seconds to import, all of it Python's own work, so a process that starts early has it ready without holding up
the one that builds. It ends when its input does, hence never outlives who asked.

Run as a file and not as a module, so that it imports nothing of ours.
"""

import json
import os
import sys
from typing import IO, Any


def main() -> None:
    """Answer until the input ends: `{"wrong": [positions]}`, or `{"error": text}` where a question broke."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    # What the library prints must not come between the answers.
    os.dup2(2, 1)
    # Read by the library while it is imported.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations

    for line in sys.stdin:
        _answer(great_expectations, json.loads(line), answers)


def _answer(gx: Any, question: dict[str, Any], answers: IO[str]) -> None:
    try:
        answer: dict[str, Any] = {"wrong": outside(gx, **question)}
    except Exception as error:  # noqa: BLE001 - whatever broke is the answer, and who asked records it
        answer = {"error": f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"}
    answers.write(json.dumps(answer) + "\n")


def outside(
    gx: Any,
    *,
    column: str,
    values: list[float | None],
    minimum: float | None,
    maximum: float | None,
    severity: str,
    reason: str,
) -> list[int]:
    """Positions of the values that lie outside the inclusive bounds; a None is no data and lies inside.

    gx: the library. column, severity (critical, warning) and reason go into the expectation as it is recorded there.
    """
    import pandas as pd

    frame = pd.DataFrame({column: pd.Series(values, dtype="float64")})
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = (
        context.data_sources.add_pandas("frame")
        .add_dataframe_asset("rows")
        .add_batch_definition_whole_dataframe("all")
        .get_batch({"dataframe": frame})
    )
    expectation = gx.expectations.ExpectColumnValuesToBeBetween(
        column=column, min_value=minimum, max_value=maximum, severity=severity, notes=reason
    )
    outcome = batch.validate(expectation, result_format="COMPLETE")
    if (outcome.exception_info or {}).get("raised_exception"):
        raise RuntimeError(outcome.exception_info["exception_message"])
    return [] if outcome.success else [int(index) for index in outcome.result["unexpected_index_list"]]


if __name__ == "__main__":
    main()
