"""A person's own lines: day by day, and none over days before there was anything."""

from datetime import date, timedelta

from dashboards.app_pages import my_usage

DAY = date(2026, 5, 1)


def use(day: int, skill: str, uses: int, successes: int) -> dict[str, object]:
    return {"day": DAY + timedelta(days=day), "skill_name": skill, "uses": uses, "successes": successes}


def test_a_line_has_every_day_from_the_first_use_on():
    rows = [use(2, "lint", 3, 2), use(2, "test", 1, 0), use(5, "lint", 4, 4), use(9, "docs", 1, 1)]
    lines = my_usage._lines(rows, DAY, DAY + timedelta(days=6))
    # The 3rd to the 7th of May: nothing was known of the days before, and the 10th is after the period.
    assert lines == {
        "active_days": [1, 0, 0, 1, 0],
        "active_skills": [1, 0, 0, 1, 0],
        "uses": [4, 0, 0, 4, 0],
        "successes": [2, 0, 0, 4, 0],
    }


def test_days_before_the_period_are_no_part_of_it_and_say_that_its_first_days_count():
    rows = [use(0, "lint", 3, 2), use(5, "lint", 4, 4)]
    lines = my_usage._lines(rows, DAY + timedelta(days=3), DAY + timedelta(days=5))
    assert lines["uses"] == [0, 0, 4]
