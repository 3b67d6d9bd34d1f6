"""The line of a target: met or missed in words, and neither where the figure is hidden."""

from datetime import date

import pytest

from dashboards.components import formats, targets

PLAN = {"quarter": date(2026, 4, 1), "target": 0.2, "direction": "at_least"}


def told(value: float | None, low: float | None = None, high: float | None = None, **plan: object) -> str:
    return targets.line(PLAN | plan, value, (low, high), formats.share)


@pytest.mark.parametrize(
    ("value", "direction", "word"),
    [(0.2, "at_least", "met"), (0.199, "at_least", "missed"), (0.2, "at_most", "met"), (0.201, "at_most", "missed")],
)
def test_a_target_is_met_by_the_number_itself(value, direction, word):
    assert told(value, direction=direction).endswith(f"**{word}**")


def test_the_mark_has_a_form_and_a_word_beside_its_colour():
    assert told(0.3) == ":green[:material/check_circle:] Target 20\u202f% (Q2 2026): **met**"
    assert told(0.1) == ":red[:material/cancel:] Target 20\u202f% (Q2 2026): **missed**"
    assert "Target at most 20" in told(0.1, direction="at_most")


def test_a_figure_that_is_hidden_or_not_measured_is_neither():
    for value in (None, float("nan")):
        assert told(value, 0.1, 0.3) == ":material/flag: Target 20\u202f% (Q2 2026)"


def test_a_figure_that_is_not_apart_from_the_target_says_so():
    assert told(0.18, 0.12, 0.26).endswith("**missed**, but it lies within the interval")
    assert told(0.22, 0.15, 0.3).endswith("**met**, but it lies within the interval")
    assert told(0.1, 0.05, 0.15).endswith("**missed**")
