"""What the page of time saved says of the assumptions behind a period."""

from datetime import date

import pytest

from dashboards.app_pages.time_saved import _source

USED = {"low": 0.0, "mode": 1.0, "high": 3.0, "grade": "assumed", "period_end": date(2026, 6, 30)}
IN_FORCE = {
    "low": 0.0, "mode": 1.0, "high": 3.0, "grade": "assumed", "valid_from": date(2026, 6, 30), "source": "a guess",
    "replaced_grade": None,
}  # fmt: skip
REPLACED = "in force then, and replaced since"


@pytest.mark.parametrize(
    ("known", "says"),
    [
        (IN_FORCE, "a guess"),
        (IN_FORCE | {"replaced_grade": "survey"}, "a guess (in place of: survey)"),
        (None, REPLACED),
        (IN_FORCE | {"high": 4.0}, REPLACED),
        # An experiment that found what was assumed before it does not vouch for the time before it.
        (IN_FORCE | {"grade": "experiment", "valid_from": date(2026, 7, 1), "source": "trial of June"}, REPLACED),
        (IN_FORCE | {"grade": "experiment", "source": "trial of June"}, REPLACED),
        (IN_FORCE | {"valid_from": date(2026, 7, 1), "source": "asked again"}, REPLACED),
    ],
)
def test_a_source_is_told_only_of_the_row_that_was_in_force(known: dict | None, says: str) -> None:
    assert _source(USED, known) == says
