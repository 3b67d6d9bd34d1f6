"""Periods held against each other, and hours beside what was done: what is not known is no nought, and the reverse."""

from datetime import date, timedelta

from dashboards.components import hours, periods

SUNDAYS = [date(2026, 6, 7) + timedelta(days=7 * week) for week in range(4)]


def _row(end: date, uses: int | None, *, is_covered: bool = True) -> dict[str, object]:
    return {"period_end": end, "uses": uses, "successes": uses, "is_covered": is_covered, "is_provisional": False}


def test_a_period_that_began_before_the_data_is_held_against_nothing():
    rows = [_row(SUNDAYS[0], 124, is_covered=False), _row(SUNDAYS[1], 2598)]
    assert periods.comparable(rows, SUNDAYS[0]) is None
    assert periods.comparable(rows, SUNDAYS[1]) == rows[1]
    # A table of an older version does not say, and is taken as it is.
    assert periods.comparable([{"period_end": SUNDAYS[0]}], SUNDAYS[0]) is not None


def test_the_reason_why_there_is_no_comparison_is_that_of_the_data_where_it_begins_too_late():
    whole, cut = _row(SUNDAYS[1], 2598), _row(SUNDAYS[0], 124, is_covered=False)
    assert periods.why_nothing_before(whole, cut, "not published") == periods.NOT_COVERED
    assert periods.why_nothing_before(whole, None, "not published") == "not published"
    assert periods.why_nothing_before(whole, _row(SUNDAYS[0], None), "hidden") == "hidden"
    # Where the data begins within this period there is none before it, whatever is published.
    assert periods.why_nothing_before(cut, None, "not published") == periods.NOT_COVERED


def test_a_trend_begins_with_the_first_whole_period_and_ends_with_the_last_also_where_that_is_hidden():
    rows = [
        _row(SUNDAYS[0], 9, is_covered=False),
        _row(SUNDAYS[1], None),
        _row(SUNDAYS[2], 5),
        _row(SUNDAYS[3], None),
    ]
    assert periods.trend_of(rows, "uses") == (rows[2:], [rows[2]])
    assert periods.trend_of(rows[:2], "uses") == ([], [])
    assert periods.series([*rows[:3], _row(SUNDAYS[3], 7)], "uses") == [5.0, 7.0]


def test_hours_are_nought_where_nobody_succeeded_and_unknown_where_nobody_knows():
    activity = [_row(SUNDAYS[0], 0, is_covered=False), _row(SUNDAYS[1], 4), _row(SUNDAYS[2], None), _row(SUNDAYS[3], 3)]
    saved = [{"team_id": "red", "period_end": SUNDAYS[3], "hours_p50": 0.1, "successes": 3, "is_suppressed": False}]
    found = hours.beside(saved, activity)
    assert [(row["period_end"], row["hours_p50"], row["is_covered"], row["is_suppressed"]) for row in found] == [
        (SUNDAYS[0], 0.0, False, None),
        # Nothing is assumed of what was used.
        (SUNDAYS[1], None, True, False),
        (SUNDAYS[2], None, True, True),
        (SUNDAYS[3], 0.1, True, False),
    ]
    # A file of them has every column in every line.
    assert len({tuple(row) for row in found}) == 1
    assert {row["team_id"] for row in hours.beside([], [_row(SUNDAYS[0], 0) | {"team_id": "red"}])} == {"red"}
    assert hours.of_team(None, activity[0]) == hours.NOUGHT
    assert hours.of_team(None, activity[1]) is None
    assert hours.of_team(None, activity[2]) is None
    assert hours.of_team(None, None) is None
    assert hours.of_team(saved[0], activity[0]) == saved[0]
