"""What stands beside the rows behind figures: what they add up to, and never what a hidden row would be."""

import pytest

from dashboards.app_pages.skill import are_all_shown
from dashboards.components import behind

TOTALS = {"uses": 1_200, "successes": 1_000, "failures": None}


def rows(*uses: int | None) -> list[dict[str, int | None]]:
    return [{"uses": number, "successes": 500, "failures": 3} for number in uses]


def test_rows_that_add_up_say_to_what():
    told = behind.adds_up(rows(700, 500), TOTALS, {"uses": "uses", "successes": "successes"})
    assert told == "The rows add up to **1,200 uses** and **1,000 successes**."


def test_a_hidden_row_or_figure_is_said_without_what_is_left():
    told = behind.adds_up(rows(700, None), TOTALS, {"uses": "uses", "failures": "failures", "successes": "successes"})
    assert told == (
        "The rows add up to **1,000 successes**. Of uses and failures some are hidden to protect people, so the rows "
        "that are shown need not add up."
    )
    assert "500" not in told


def test_rows_that_come_to_more_say_why():
    told = behind.adds_up(rows(700, 800), TOTALS, {"uses": "uses"}, "somebody is in two teams")
    assert told == "Of uses there are 1,500 in these rows and 1,200 in all: somebody is in two teams."
    without = behind.adds_up(rows(700), TOTALS, {"uses": "uses"})
    assert without == "Of uses there are 700 in these rows and 1,200 in all."


def test_no_row_adds_up_to_nothing():
    assert behind.adds_up([], {"uses": 0}, {"uses": "uses"}) == "The rows add up to **0 uses**."


@pytest.mark.parametrize("hidden", ["uses", "successes", "failures", "unknown"])
def test_weeks_stand_beside_their_period_only_where_nothing_of_either_is_hidden(hidden: str):
    row = {"uses": 9, "successes": 7, "failures": 2, "unknown": 0}
    assert are_all_shown([row, row])
    # The period would be the sum of its weeks, and a week what the others leave of the period.
    assert not are_all_shown([row | {hidden: None}, row])
    assert not are_all_shown([row, row | {hidden: None}])
