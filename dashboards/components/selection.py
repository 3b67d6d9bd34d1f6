"""The selection of a page lives in its address: a reload, a bookmark and a link to a colleague show the same.

The address wins whenever it was changed from outside (a link, the back button); otherwise the widget wins.
What was chosen on a page is remembered for the session, so that coming back from another page keeps it.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal

import streamlit as st

_WRITTEN = "selection_written"
_REMEMBERED = "selection_remembered"
_TOLD = "selection_told"


def begin() -> None:
    """Before a page: nothing is chosen on it yet."""
    st.session_state[_TOLD] = {}


def in_words() -> str:
    """What is chosen on this page so far, for a picture that leaves it: `Team: Payments, Period: 28 days`."""
    return ", ".join(f"{label}: {text}" for label, text in st.session_state.get(_TOLD, {}).items())


def choose(
    label: str,
    name: str,
    options: Sequence[str],
    *,
    default: str,
    text: Callable[[str], str] = str,
    kind: Literal["list", "buttons"] = "list",
    help_text: str | None = None,
) -> str:
    """One of `options`, kept as `?name=` in the address; an unknown value in the address falls back to `default`."""
    written: dict[str, str] = st.session_state.setdefault(_WRITTEN, {})
    remembered: dict[str, str] = st.session_state.setdefault(_REMEMBERED, {})
    asked = st.query_params.get(name)
    if asked is not None and asked != written.get(name):
        st.session_state[name] = asked
    elif name not in st.session_state:
        st.session_state[name] = remembered.get(name, default)
    if st.session_state[name] not in options:
        st.session_state[name] = default
    value: Any
    if kind == "buttons":
        value = st.segmented_control(label, options, key=name, format_func=text, required=True, help=help_text)
    else:
        value = st.selectbox(label, options, key=name, format_func=text, help=help_text)
    chosen = default if value is None else str(value)
    if st.query_params.get(name) != chosen:
        st.query_params[name] = chosen
    written[name] = chosen
    remembered[name] = chosen
    st.session_state.setdefault(_TOLD, {})[label] = text(chosen)
    return chosen
