"""What the page of time saved says of the assumptions behind a period."""

from datetime import date

import pytest

from dashboards import data
from dashboards.app_pages import team, time_saved, time_saved_what_if
from dashboards.app_pages.time_saved import _source
from dashboards.components import assumptions, behind, formats
from dashboards.viewers import Looking
from warehouse.access import OPERATOR

THIN = formats.THIN

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


def test_what_is_assumed_has_all_its_digits_on_every_page(monkeypatch: pytest.MonkeyPatch) -> None:
    row = {"skill_name": "ann/lint", "low": -0.5, "mode": 1.25, "high": 4.0, "grade": "diary", "source": "written down"}
    shares = {f"kept_{end}": 0.825 for end in ("low", "mode", "high")}
    shares |= {f"incremental_{end}": 0.5 for end in ("low", "mode", "high")}
    monkeypatch.setattr(data, "query", lambda *_, **__: (row | shares,))
    told = team._assumptions(Looking(OPERATOR, "Operator", is_demo=True))
    assert f"| ann/lint | {formats.MINUS}0.5 | 1.25 | 4 |" in told
    assert f"kept (low, mode, high): 82.5{THIN}%, 82.5{THIN}%, 82.5{THIN}%." in told
    columns = behind.assumptions([], {"successes": 0}, "it").columns
    assert [columns[end][1](row[end]) for end in assumptions.ENDS] == [f"{formats.MINUS}0.5", "1.25", "4"]
    assert time_saved._range({"assumption": "ann/lint", **row}) == f"{formats.MINUS}0.5 to 4{THIN}min a use"
    assert time_saved._range({"assumption": "#kept", "low": 0.825, "high": 1.0}) == f"82.5{THIN}% to 100{THIN}%"


def test_a_skill_that_bears_the_name_of_a_share_keeps_it() -> None:
    names = ("*", "#kept", "kept", "ann/lint")
    assert [assumptions.called(name) for name in names] == [
        "Every other skill", "Share of the results kept", "kept", "ann/lint",
    ]  # fmt: skip


def test_a_share_that_is_tried_does_not_read_like_the_one_that_it_is_instead_of() -> None:
    given = {"value_cents_p50": 1, "hourly_rate_cents": 6_000, "recapture_share": 0.125}
    [changed] = time_saved_what_if._changed_worth({"hourly_rate_cents": 6_000, "recapture_share": 0.13}, given)
    assert changed == f"share recaptured 13{THIN}% instead of 12.5{THIN}%"
