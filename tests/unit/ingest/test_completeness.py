"""How many rows a day usually has: the median of its weekday, and what is said before there is one."""

from datetime import date, timedelta

import pytest

from ingest.completeness import usual_rows

MONDAY = date(2026, 1, 5)


def weeks(*rows: int) -> dict[date, int]:
    """Rows of a Monday each, from the first on."""
    return {MONDAY + timedelta(days=7 * week): count for week, count in enumerate(rows)}


def test_a_day_is_held_against_the_median_of_its_weekday_in_the_eight_weeks_before() -> None:
    # In order 10, 20, 30, 40, 50, 60, 70, 900: the middle is between 40 and 50. The ninth week back would make it 40,
    # and the day itself is in no median.
    counts = weeks(1, 900, 10, 70, 20, 60, 30, 50, 40, 5)
    assert usual_rows(counts, MONDAY + timedelta(days=63), MONDAY) == 45


def test_a_week_without_rows_counts_and_one_before_the_beginning_does_not() -> None:
    counts = weeks(0, 60, 80)
    day = MONDAY + timedelta(days=21)
    assert usual_rows(counts, day, MONDAY) == 60
    # Two weeks are enough.
    assert usual_rows(counts, day, MONDAY + timedelta(days=7)) == 70


def test_nobody_can_say_in_the_first_week() -> None:
    # From a Wednesday to the Tuesday after it, a workday without rows.
    wednesday = date(2026, 1, 7)
    counts = {wednesday + timedelta(days=number): 50 for number in range(6)}
    assert usual_rows(counts, date(2026, 1, 13), wednesday) == 0


@pytest.mark.parametrize(
    ("day", "usual"),
    [
        # The workdays before it, in order 10, 20, 30, 40, 50 and the Monday's 300; weekend days are none.
        (date(2026, 1, 13), 35),
        # It has rows, and whether these are few nobody can say yet.
        (date(2026, 1, 12), 0),
        # A Saturday and a Sunday.
        (date(2026, 1, 17), 0),
        (date(2026, 1, 18), 0),
    ],
)
def test_in_the_second_week_an_empty_workday_is_held_against_the_workdays_before(day: date, usual: int) -> None:
    counts = dict(
        zip((MONDAY + timedelta(days=number) for number in range(8)), (10, 20, 30, 40, 50, 1, 1, 300), strict=True)
    )
    assert usual_rows(counts, day, MONDAY) == usual
