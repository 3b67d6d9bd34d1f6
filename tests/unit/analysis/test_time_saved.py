"""The time-saved kernel against the worked example of metrics.md T and against numbers worked by hand."""

from datetime import date
from hashlib import md5
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from analysis.time_saved import DRAWS, OUTPUT, sensitivity, team_time_saved, triangular, uniform_draws, value_cents

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


def test_every_window_has_the_shares_and_the_minutes_of_its_own_set() -> None:
    # 60 uses of the same skill: at 1 minute of which half is kept half an hour, at 3 of which a quarter is, 0.75.
    teams = [f"t{number:03d}" for number in range(300)]
    house = [uses([("commit", 1.0, 1.0, 1.0, "diary", 60)], team, "house") for team in teams]
    careful = [uses([("commit", 3.0, 3.0, 3.0, "diary", 60)], team, "careful") for team in teams[::2]]
    rows = [
        ("house", "kept", 0.5),
        ("house", "incremental", 1.0),
        ("careful", "kept", 1.0),
        ("careful", "incremental", 0.25),
    ]
    shares = [
        {"assumption_set": of, "factor": factor} | dict.fromkeys(("low", "mode", "high"), at) for of, factor, at in rows
    ]

    found = team_time_saved(pa.concat_tables([*house, *careful]), pa.Table.from_pylist(shares)).to_pylist()

    assert len(found) == 450
    expected = {"house": 0.5, "careful": 0.75}
    assert [row["hours_p50"] for row in found] == [expected[row["assumption_set"]] for row in found]


def test_a_window_is_its_end_and_its_length_too() -> None:
    # 60 uses of a minute are an hour, 30 half an hour and 15 a quarter.
    parts = []
    for day, days, successes in ((31, 28, 60), (31, 90, 30), (30, 28, 15)):
        part = uses([("commit", 1.0, 1.0, 1.0, "diary", successes)])
        for name, value in (("period_end", date(2026, 1, day)), ("period_days", days)):
            at = part.schema.get_field_index(name)
            part = part.set_column(at, part.schema.field(name), pa.array([value], part.schema.field(name).type))
        parts.append(part)

    found = team_time_saved(pa.concat_tables(parts), factors((1.0, 1.0, 1.0), (1.0, 1.0, 1.0))).to_pylist()

    assert [(row["period_end"].day, row["period_days"], row["hours_p50"]) for row in found] == [
        (30, 28, 0.25),
        (31, 28, 1.0),
        (31, 90, 0.5),
    ]


def test_an_experiment_is_trusted_most_then_a_diary_then_a_survey() -> None:
    ordered = ("experiment", "diary", "survey", "assumed")
    for better, worse in pairwise(ordered):
        rows = [(f"by {grade}", 1.0, 1.0, 1.0, grade, 1) for grade in (worse, better)]
        assert team_time_saved(uses(rows), factors())["weakest_grade"].to_pylist() == [worse]


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


def test_each_assumption_alone_moves_the_median_from_its_low_to_its_high() -> None:
    # 60 uses at 2 minutes and 30 uses at 0 to 4; half is kept, all of it incremental. Held at 0: 120 minutes x 0.5 is
    # 1 h; at 4: 240 minutes x 0.5 is 2 h. What has no width moves nothing.
    rows = {
        row["assumption"]: row
        for row in sensitivity(
            uses([("sure", 2.0, 2.0, 2.0, "diary", 60), ("unsure", 0.0, 1.0, 4.0, "assumed", 30)]),
            factors((0.5, 0.5, 0.5), (1.0, 1.0, 1.0)),
        ).to_pylist()
    }

    unsure = rows["unsure"]
    assert (unsure["low"], unsure["high"]) == (0, 4)
    assert (unsure["hours_p50_at_low"], unsure["hours_p50_at_high"]) == (1, 2)
    for name in ("sure", "#kept", "#incremental"):
        assert rows[name]["hours_p50_at_low"] == rows[name]["hours_p50_at_high"] == unsure["hours_p50"]


def test_a_share_held_at_its_ends_moves_the_median_with_it_and_the_widest_stands_first() -> None:
    # 60 uses at 1 minute are an hour: times 0.2 to 1 of it kept (0.8 h apart), times 0.5 to 0.75 incremental. With both
    # drawn, each is held against the median of the other, so only the ratio of the ends is known: 5 and 1.5.
    rows = sensitivity(
        uses([("one", 1.0, 1.0, 1.0, "assumed", 60)]), factors((0.2, 0.5, 1.0), (0.5, 0.6, 0.75))
    ).to_pylist()

    assert [row["assumption"] for row in rows] == ["#kept", "#incremental", "one"]
    assert rows[0]["hours_p50_at_high"] / rows[0]["hours_p50_at_low"] == pytest.approx(5)
    assert rows[1]["hours_p50_at_high"] / rows[1]["hours_p50_at_low"] == pytest.approx(1.5)


def test_the_sensitivity_of_the_worked_example_is_around_its_median() -> None:
    rows = sensitivity(uses(EXAMPLE), factors()).to_pylist()

    assert {row["assumption"] for row in rows} == {"release-notes", "commit", "docker", "#kept", "#incremental"}
    for row in rows:
        assert row["hours_p50"] == pytest.approx(44.9314, abs=5e-5)
        assert row["hours_p50_at_low"] < row["hours_p50"] < row["hours_p50_at_high"]


def test_a_sensitivity_is_of_its_own_set_and_of_what_was_used_and_equal_moves_stand_by_name() -> None:
    # 60 uses that cost a minute each: the more of it is kept, the more is lost, from 0.2 hours to 1.
    rows = [
        ("slow", -1.0, -1.0, -1.0, "diary", 60),
        ("idle", 0.0, 0.0, 0.0, "diary", 60),
        ("none", 0.0, 1.0, 9.0, "diary", 0),
    ]
    own = factors((0.2, 0.5, 1.0), (1.0, 1.0, 1.0))
    of_another = factors().set_column(0, "assumption_set", pa.array(["careful"] * 2))

    found = sensitivity(uses(rows), pa.concat_tables([of_another, own])).to_pylist()

    assert [row["assumption"] for row in found] == ["#kept", "#incremental", "idle", "slow"]
    assert found[0]["hours_p50_at_low"] == pytest.approx(-0.2)
    assert found[0]["hours_p50_at_high"] == pytest.approx(-1)


def test_a_sensitivity_is_of_one_window_that_has_a_success() -> None:
    assert sensitivity(uses([("one", 0.0, 1.0, 2.0, "assumed", 0)]), factors()).num_rows == 0
    two = pa.concat_tables([uses(EXAMPLE), uses(EXAMPLE, team="u")])
    with pytest.raises(ValueError, match="one window"):
        sensitivity(two, factors())


@pytest.mark.parametrize(
    ("hours", "rate", "share", "cents"),
    [
        # The cases of the model's own unit tests.
        (2.5, 6_000, 0.5, 7_500),
        (-1.5, 6_000, 0.5, -4_500),
        (4.51, 5_001, 0.25, 5_639),
        (0.5, 1, 1.0, 0),
        (1.5, 1, 1.0, 2),
        (2.5, 1, 1.0, 2),
        (-0.5, 1, 1.0, 0),
        (-1.5, 1, 1.0, -2),
        (-2.5, 1, 1.0, -2),
        (0.0, 6_000, 0.5, 0),
    ],
)
def test_hours_are_worth_rate_times_share_with_halves_to_the_even_cent(
    hours: float, rate: int, share: float, cents: int
) -> None:
    assert value_cents(hours, rate, share) == cents
