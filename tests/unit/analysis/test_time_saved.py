"""The time-saved kernel against the worked example of metrics.md T and against numbers worked by hand."""

from datetime import date
from hashlib import md5
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analysis.time_saved import DRAWS, OUTPUT, team_time_saved, triangular, uniform_draws

EXAMPLE = [
    ("release-notes", 0.0, 4.0, 10.0, "diary", 640),
    ("commit", 0.0, 1.0, 3.0, "survey", 900),
    ("docker", -2.0, 6.0, 15.0, "experiment", 210),
]


def uses(rows: list[tuple[Any, ...]], team: str = "t", assumption_set: str = "default") -> pa.Table:
    names = ("assumption_name", "low", "mode", "high", "grade", "successes")
    window = {"account_id": "a", "team_id": team, "period_end": date(2026, 1, 31), "period_days": 28}
    return pa.Table.from_pylist(
        [{**window, "assumption_set": assumption_set, **dict(zip(names, row, strict=True))} for row in rows],
        schema=pa.schema(
            [
                *(OUTPUT.field(name) for name in (*window, "assumption_set")),
                ("assumption_name", pa.string()),
                *((name, pa.float64()) for name in ("low", "mode", "high")),
                ("grade", pa.string()),
                ("successes", pa.int64()),
            ]
        ),
    )


def factors(
    kept: tuple[float, float, float] = (0.75, 0.85, 0.95), incremental: tuple[float, float, float] = (0.3, 0.6, 0.9)
) -> pa.Table:
    rows = [("default", "kept", *kept), ("default", "incremental", *incremental)]
    return pa.Table.from_pylist(
        [dict(zip(("assumption_set", "factor", "low", "mode", "high"), row, strict=True)) for row in rows]
    )


def test_the_worked_example_gives_26_to_70_hours_around_45() -> None:
    (row,) = team_time_saved(uses(EXAMPLE), factors()).to_pylist()

    assert row["hours_p10"] == pytest.approx(26.2634, abs=5e-5)
    assert row["hours_p50"] == pytest.approx(44.9314, abs=5e-5)
    assert row["hours_p90"] == pytest.approx(69.8416, abs=5e-5)
    assert row["hours_naive"] == pytest.approx(78.6667, abs=5e-5)
    assert row["successes"] == 1750
    assert row["weakest_grade"] == "survey"


def test_a_draw_is_the_first_eight_digits_of_an_md5_over_two_to_the_32() -> None:
    draws = uniform_draws("#kept")

    assert len(draws) == DRAWS
    assert draws[0] == int(md5(b"#kept:1", usedforsecurity=False).hexdigest()[:8], 16) / 4294967296
    assert draws[1999] == int(md5(b"#kept:2000", usedforsecurity=False).hexdigest()[:8], 16) / 4294967296


def test_the_inverse_of_the_triangular_distribution_at_its_corners() -> None:
    # On [0, 10] with its peak at 4: F(4) = 0.4, F(2) = 2 * 2 / (10 * 4) = 0.1, 1 - F(7) = 3 * 3 / (10 * 6) = 0.15.
    values = triangular(np.array([0.0, 0.1, 0.4, 0.85]), 0, 4, 10)

    assert values == pytest.approx([0, 2, 4, 7])


def test_a_distribution_without_width_is_its_value_and_may_be_negative() -> None:
    (row,) = team_time_saved(
        uses([("slow", -6.0, -6.0, -6.0, "assumed", 20)]), factors((0.5, 0.5, 0.5), (1.0, 1.0, 1.0))
    ).to_pylist()

    assert (row["hours_p10"], row["hours_p50"], row["hours_p90"]) == (-1, -1, -1)
    assert row["hours_naive"] == -2


def test_a_peak_at_either_end_draws_no_nan() -> None:
    for mode in (0.0, 3.0):
        assert np.isfinite(triangular(uniform_draws("x"), 0, mode, 3)).all()


def test_a_window_keeps_its_numbers_to_the_last_digit_whatever_stands_beside_it() -> None:
    alone = team_time_saved(uses(EXAMPLE, "t"), factors()).to_pylist()
    others = [uses([EXAMPLE[number % 3]], f"s{number}") for number in range(300)]
    crowd = team_time_saved(pa.concat_tables([*others, uses(EXAMPLE[::-1], "t")]), factors())

    assert crowd.num_rows == 301
    assert [row for row in crowd.to_pylist() if row["team_id"] == "t"] == alone


def test_two_sets_of_assumptions_are_two_rows_of_the_same_window() -> None:
    careful = uses([("commit", 0.0, 0.5, 1.0, "assumed", 900)], assumption_set="careful")
    both = pa.concat_tables([factors(), factors().set_column(0, "assumption_set", pa.array(["careful"] * 2))])

    rows = team_time_saved(pa.concat_tables([uses(EXAMPLE), careful]), both).to_pylist()

    assert [(row["assumption_set"], row["hours_naive"]) for row in rows] == [
        ("careful", pytest.approx(7.5)),
        ("default", pytest.approx(78.66666666666667)),
    ]


def test_nothing_used_is_no_row_with_the_columns_in_place() -> None:
    assert team_time_saved(uses([]), factors()).schema == OUTPUT
    assert team_time_saved(uses([("commit", 0.0, 1.0, 3.0, "survey", 0)]), factors()).num_rows == 0


def test_a_set_without_a_factor_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'incremental' for the assumption set 'default'"):
        team_time_saved(uses(EXAMPLE), factors().slice(0, 1))


def test_an_unknown_grade_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'guess'"):
        team_time_saved(uses([("commit", 0.0, 1.0, 3.0, "guess", 1)]), factors())


def test_a_distribution_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="low <= mode <= high"):
        team_time_saved(uses([("commit", 2.0, 1.0, 3.0, "survey", 1)]), factors())
