"""Display formats: units, signs, and the difference between nothing and zero."""

from datetime import date, datetime

import pandas as pd
import pytest

from dashboards.components import formats

THIN = formats.THIN
MINUS = formats.MINUS


@pytest.mark.parametrize("as_text", [formats.count, formats.dollars, formats.share, formats.hours, formats.points])
@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NaT])
def test_what_was_not_measured_reads_no_data(as_text, nothing):
    assert as_text(nothing) == "No data"


def test_a_measured_zero_reads_zero():
    assert formats.count(0) == "0"
    assert formats.dollars(0) == "$0"
    assert formats.share(0.0) == f"0{THIN}%"
    assert formats.hours(0.0) == f"0.0{THIN}h"


def test_money_is_whole_dollars_with_its_sign_before_the_dollar():
    assert formats.dollars(1_234_549) == "$12,345"
    assert formats.dollars(1_234_550) == "$12,346"
    assert formats.dollars(-50_000) == f"{MINUS}$500"
    assert formats.signed_dollars(172_500) == "+$1,725"
    assert formats.signed_dollars(-12_500) == f"{MINUS}$125"
    assert formats.signed_dollars(0) == "$0"


def test_less_than_half_a_dollar_lost_is_not_minus_zero():
    assert formats.dollars(-49) == "$0"


def test_a_share_that_is_not_whole_never_rounds_to_all_or_nothing():
    assert formats.share(16 / 18) == f"89{THIN}%"
    assert formats.share(0.99996) == f"99.996{THIN}%"
    assert formats.share(0.0004) == f"0.04{THIN}%"
    assert formats.share(1.0) == f"100{THIN}%"


def test_a_half_is_rounded_as_by_whoever_opens_the_file():
    # 5 of 8, 1 of 8 and 57 of 200.
    assert [formats.share(value) for value in (0.625, 0.125, 0.285)] == [f"63{THIN}%", f"13{THIN}%", f"29{THIN}%"]
    assert formats.interval(0.125, 0.625) == f"13 to 63{THIN}%"
    assert formats.points(-0.0625) == f"{MINUS}6.3{THIN}pp"
    assert formats.decimal(2.5, 0) == "3"
    assert formats.signed(-2.5) == f"{MINUS}3"
    assert formats.minutes(0.5) == f"1{THIN}min"


def test_one_is_one_of_its_kind():
    assert [formats.counted(number, "check") for number in (0, 1, 2500)] == ["0 checks", "1 check", "2,500 checks"]
    assert formats.counted(1, "person was", "people were") == "1 person was"
    assert formats.counted(3, "person was", "people were") == "3 people were"
    assert formats.counted(None, "check") == "No data checks"


def test_both_ends_of_a_difference_are_rounded_alike():
    # 100 times 0.0705 is a little less than 7.05 to a machine.
    assert formats.points_interval(0.0705, 0.0705) == f"+7.1 to +7.1{THIN}pp"
    assert formats.points_interval(-0.0705, 0.0) == f"{MINUS}7.1 to 0.0{THIN}pp"
    assert formats.points_interval(None, 0.1) == "No data"


def test_a_target_has_all_its_digits():
    assert formats.exact_share(0.9995) == f"99.95{THIN}%"
    assert formats.exact_share(0.5) == f"50{THIN}%"
    assert formats.exact_share(0.125) == f"12.5{THIN}%"
    assert formats.exact_share(1.0) == f"100{THIN}%"
    assert formats.exact_share(None) == "No data"
    assert [formats.exact(value) for value in (1.5, 10.0, -2.25, 0)] == ["1.5", "10", f"{MINUS}2.25", "0"]
    assert formats.exact(None) == "No data"


def test_what_misses_its_limit_by_little_does_not_read_like_it():
    # 999 of 1,000 are wanted, 99,896 of 100,000 were good.
    assert formats.share_beside(0.99896, 0.999, 2) == f"99.896{THIN}%"
    assert formats.share_beside(0.9973, 0.999, 2) == f"99.73{THIN}%"
    assert formats.share_beside(0.999, 0.999, 2) == f"99.90{THIN}%"
    assert formats.share_beside(None, 0.999, 2) == "No data"
    assert formats.share_beside(0.9973, None, 2) == f"99.73{THIN}%"


def test_differences_carry_their_sign_and_no_difference_has_none():
    assert formats.points(0.032) == f"+3.2{THIN}pp"
    assert formats.points(-0.032) == f"{MINUS}3.2{THIN}pp"
    assert formats.points(0.0) == f"0.0{THIN}pp"
    assert formats.signed(-0.0) == "0"


def test_what_is_nearly_the_same_is_not_told_to_be_the_same():
    assert formats.distance(92, 91.97) == "0.03"
    assert formats.distance(89.5, 92) == "2.5"
    assert formats.distance(92, 92) == "0.0"


def test_hours_keep_one_decimal_below_a_thousand():
    assert formats.hours(44.9314) == f"44.9{THIN}h"
    assert formats.hours(1234.5) == f"1,235{THIN}h"
    assert formats.hours(-0.04) == f"0.0{THIN}h"


def test_days_months_quarters_and_times_read_as_words():
    assert formats.day(date(2026, 11, 2)) == "2 Nov 2026"
    assert formats.month(date(2026, 11, 1)) == "Nov 2026"
    assert formats.quarter(date(2026, 10, 1)) == "Q4 2026"
    assert formats.moment(datetime(2026, 11, 2, 6, 5)) == "2 Nov 2026 06:05 UTC"
    assert formats.moment(date(2026, 11, 2)) == "2 Nov 2026"


def test_a_name_from_outside_cannot_become_a_link_or_an_image():
    assert formats.plain("![x](http://e)") == r"\!\[x\]\(http\://e\)"


@pytest.mark.parametrize(
    ("cents", "text"),
    [
        (6_000, "$60.00"),
        (1, "$0.01"),
        (1_234_567, "$12,345.67"),
        (-4_550, "\u2212$45.50"),
        (0, "$0.00"),
        (None, "No data"),
    ],
)
def test_a_rate_is_told_to_the_cent(cents: int | None, text: str) -> None:
    assert formats.exact_dollars(cents) == text
