"""What a page says of the worth of hours: nothing without both settings, and what it follows from with them."""

from datetime import date

from dashboards.components import formats, money

SET = {
    **{"hours_p50": 2.5, "value_cents_p10": -4_500, "value_cents_p50": 7_500, "value_cents_p90": 30_000},
    **{"hourly_rate_cents": 6_000, "recapture_share": 0.5, "value_valid_from": date(2026, 1, 15)},
}
UNSET = {"hours_p50": 2.5, **dict.fromkeys(money.COLUMNS)}


def test_a_worth_is_told_with_its_ends_and_its_basis() -> None:
    assert money.ends(SET) == "\u2212$45 to $300"
    basis = f"at $60.00/hour × 50{formats.THIN}% recaptured, set by the account from 15 Jan 2026 on"
    assert money.basis(SET) == basis
    # With 13 % the worth beside it could not be worked out.
    assert f"12.5{formats.THIN}% recaptured" in money.basis({**SET, "recapture_share": 0.125})


def test_nothing_is_set_where_a_row_is_missing_hidden_unset_or_of_an_older_snapshot() -> None:
    assert money.is_set(SET)
    assert not any(money.is_set(row) for row in (None, UNSET, {"hours_p50": 2.5}))


def test_worths_of_another_rate_or_share_are_not_held_against_each_other() -> None:
    assert money.is_same_basis(SET, {**SET, "value_cents_p50": 1})
    others = (None, UNSET, {}, {**SET, "hourly_rate_cents": 6_001}, {**SET, "recapture_share": 0.4})
    assert not any(money.is_same_basis(SET, other) for other in others)


def test_a_download_has_columns_of_money_only_where_some_row_has_any() -> None:
    assert money.without_unset([UNSET, UNSET]) == [{"hours_p50": 2.5}] * 2
    assert money.without_unset([UNSET, SET]) == [UNSET, SET]
