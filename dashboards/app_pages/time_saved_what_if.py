"""The what-if of Time saved: other assumptions, and another worth of an hour, tried and kept nowhere."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from analysis.time_saved import team_time_saved, value_cents
from dashboards import data
from dashboards.components import formats, money, tables
from dashboards.components.assumptions import ENDS, FACTORS, as_tables, called

CHANGEABLE = 6
"""Assumption rows that the what-if offers, those with the most uses; the others stay as they are."""
MOST_CENTS = 10_000_000
"""Greatest hourly rate that an account can set."""


def show(uses: Sequence[data.Row], shares: Sequence[Mapping[str, Any]], now: data.Row, name: str) -> None:
    """The form of assumptions, rate and share, and the hours that they make beside the published ones; kept nowhere."""
    st.subheader("What if they were others?")
    st.markdown(":violet-badge[:material/experiment: What-if, not saved] It is forgotten with the page.")
    with st.expander("Change the assumptions"), st.form(f"what_if_{name}", border=False):
        asked_uses = [
            _asked(row, f"{called(row['assumption_name'])}, minutes a use", f"{name}_{row['assumption_name']}")
            for row in uses[:CHANGEABLE]
        ]
        asked_shares = [_asked(row, FACTORS[row["factor"]], f"{name}_{row['factor']}", step=0.05) for row in shares]
        asked_worth = _asked_worth(now, name)
        # Not of the primary colour, on which white letters are too pale in the dark.
        st.form_submit_button("Work it out")
    if len(uses) > CHANGEABLE:
        st.caption(f"Assumptions with fewer uses stay as they are: {formats.count(len(uses) - CHANGEABLE)}.")
    wrong = [row for row in [*asked_uses, *asked_shares] if not row["low"] <= row["mode"] <= row["high"]]
    if wrong:
        st.error("Low must be at most the most likely, and that at most high.", icon=":material/error:")
        return
    if any(not 0 <= row[end] <= 1 for row in asked_shares for end in ENDS):
        st.error("A share is from 0 to 1.", icon=":material/error:")
        return
    wrong_worth = _wrong_worth(asked_worth)
    if wrong_worth:
        st.error(wrong_worth, icon=":material/error:")
        return
    pairs = [*zip(asked_uses, uses, strict=False), *zip(asked_shares, shares, strict=True)]
    changed = [
        f"{_asked_of(given)} {_ends(asked)} instead of {_ends(given)}"
        for asked, given in pairs
        if any(asked[end] != float(given[end]) for end in ENDS)
    ]
    changed += _changed_worth(asked_worth, now)
    if not changed:
        st.caption("Nothing is changed yet.")
        return
    [hours] = team_time_saved(*as_tables([*asked_uses, *uses[CHANGEABLE:]], asked_shares)).to_pylist()
    rows = [{**now, "who": "Published"}, {**hours, **_worth_of(hours, asked_worth), "who": "What-if, not saved"}]
    worth = {end: (f"Worth, {end[-3:]}", _dollars_or_none) for end in money.COLUMNS[:3]}
    tables.show(
        rows,
        {
            "who": ("", tables.text),
            "hours_p10": ("p10", formats.hours),
            "hours_p50": ("p50", formats.hours),
            "hours_p90": ("p90", formats.hours),
            **(worth if any(money.is_set(row) for row in rows) else {}),
        },
    )
    st.caption(f"What if: {'; '.join(changed)}.")
    if len(asked_worth) == 1:
        st.caption("No money of it: that needs an hourly rate and a recapture share.")


def _asked_worth(now: data.Row, name: str) -> dict[str, float]:
    """What somebody tries as the hourly rate, in cents, and as the recapture share; without what is left empty."""
    has_worth = money.is_set(now)
    st.markdown("**What an hour is worth**: tried here, and set for nobody")
    asked = {}
    with st.container(horizontal=True, gap="small"):
        for column, text, label, factor, step in (
            ("hourly_rate_cents", "US dollars an hour", "Hourly rate, US dollars", 100, 1.0),
            ("recapture_share", "Share recaptured", "Recapture share", 1, 0.05),
        ):
            with st.container(width=150, gap=None):
                st.caption(text)
                typed = st.number_input(
                    f"{label}: what-if",
                    label_visibility="collapsed",
                    value=float(now[column]) / factor if has_worth else None,
                    step=step,
                    format="%g" if factor == 1 else "%.2f",
                    placeholder="not set",
                    key=f"what_if_{name}_{column}",
                )
            if typed is not None:
                asked[column] = round(typed * factor) if factor > 1 else typed
    return asked


def _wrong_worth(asked: Mapping[str, float]) -> str | None:
    """What is wrong with a rate or a share that was typed; None where nothing is. The bounds of the reference table."""
    if not 1 <= asked.get("hourly_rate_cents", 1) <= MOST_CENTS:
        return formats.plain(f"An hourly rate is above $0 and at most {formats.dollars(MOST_CENTS)}.")
    return None if 0 < asked.get("recapture_share", 1) <= 1 else "A recapture share is above 0 and at most 1."


def _changed_worth(asked: Mapping[str, float], now: data.Row) -> list[str]:
    """In words, which of rate and share are others than the account's."""
    words = {
        "hourly_rate_cents": ("hourly rate", lambda cents: formats.plain(formats.exact_dollars(cents))),
        "recapture_share": ("share recaptured", formats.exact_share),
    }
    changed = []
    for column, (text, told) in words.items():
        given = now.get(column) if money.is_set(now) else None
        if asked.get(column) != given:
            was, is_now = ("none" if value is None else told(value) for value in (given, asked.get(column)))
            changed.append(f"{text} {is_now} instead of {was}")
    return changed


def _worth_of(hours: Mapping[str, Any], asked: Mapping[str, float]) -> dict[str, int]:
    if len(asked) < 2:
        return {}
    rate, share = int(asked["hourly_rate_cents"]), asked["recapture_share"]
    return {f"value_cents_{end}": value_cents(hours[f"hours_{end}"], rate, share) for end in ("p10", "p50", "p90")}


def _dollars_or_none(cents: Any) -> str:
    return "not set" if formats.is_missing(cents) else formats.dollars(cents)


def _asked_of(given: Mapping[str, Any]) -> str:
    if "factor" in given:
        return FACTORS[given["factor"]]
    return f"{formats.plain(called(given['assumption_name']))}, minutes a use,"


def _ends(row: Mapping[str, Any]) -> str:
    return " / ".join(formats.exact(row[end]) for end in ENDS)


def _asked(given: Mapping[str, Any], label: str, name: str, step: float = 0.5) -> dict[str, Any]:
    """The row with what somebody types in place of its three numbers, which may be any: what is wrong is said.

    A bound of the field's own would keep the whole form back, and an older result would stand beside what is typed.
    """
    st.markdown(f"**{formats.plain(label)}**")
    asked = dict(given)
    with st.container(horizontal=True, gap="small"):
        for end, text in ENDS.items():
            with st.container(width=96, gap=None):
                st.caption(text)
                asked[end] = st.number_input(
                    # Who hears the page and does not see it hears whose number it is.
                    f"{text}: {label}",
                    label_visibility="collapsed",
                    value=float(given[end]),
                    step=step,
                    format="%g",
                    key=f"what_if_{name}_{end}",
                )
    return asked
