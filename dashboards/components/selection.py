"""The selection of a page lives in its address: a reload, a bookmark and a link to a colleague show the same.

The address wins whenever it was changed from outside (a link, the back button); otherwise the widget wins.
What was chosen on a page is remembered for the session, so that coming back from another page keeps it.
It is written into the address once a run: each time is a step of the back button.
"""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any, Literal

import streamlit as st

from dashboards.components import formats

_WRITTEN = "selection_written"
_REMEMBERED = "selection_remembered"
_CHOSEN = "selection_chosen"
_TOLD = "selection_told"


def begin() -> None:
    """Before a run of the app: nothing is chosen in it yet."""
    st.session_state[_CHOSEN], st.session_state[_TOLD] = {}, {}


def end() -> None:
    """After a run: what was chosen in it stands in the address."""
    chosen = in_address()
    if any(st.query_params.get(name) != value for name, value in chosen.items()):
        st.query_params.update(chosen)
    # Only now, for a run that a click has ended left the address as it was.
    st.session_state.setdefault(_WRITTEN, {}).update(chosen)


def in_address() -> dict[str, str]:
    """What is chosen in this run so far, by its name in the address."""
    return dict(st.session_state.get(_CHOSEN, {}))


def in_words() -> str:
    """What is chosen on this page so far, for a picture that leaves it: `Team: Payments, Period: 28 days`."""
    return ", ".join(f"{label}: {text}" for label, text in st.session_state.get(_TOLD, {}).items())


def on_paper(text: str) -> None:
    """What was chosen, as a line that only a printed page has: paper has no list to choose from."""
    st.html(f'<p class="printed">{escape(text)}</p>')


def choose(
    label: str,
    name: str,
    options: Sequence[str],
    *,
    default: str,
    text: Callable[[str], str] = str,
    kind: Literal["list", "buttons"] = "list",
    help_text: str | None = None,
    is_told: bool = True,
) -> str:
    """One of `options`, kept as `?name=` in the address; an unknown value in the address falls back to `default`.

    is_told: whether `in_words` says it.
    """
    written: dict[str, str] = st.session_state.setdefault(_WRITTEN, {})
    remembered: dict[str, str] = st.session_state.setdefault(_REMEMBERED, {})
    asked = st.query_params.get(name)
    is_from_outside = asked is not None and asked != written.get(name)
    if is_from_outside:
        st.session_state[name] = asked
    elif name not in st.session_state:
        st.session_state[name] = remembered.get(name, default)
    if is_from_outside and asked not in options:
        told = f"{label}: what the address asks for is not here; {formats.plain(text(default))} is shown."
        st.toast(told, icon=":material/link_off:")
    # Said anew in each run: the widget of another page by this name would else begin with its first option.
    st.session_state[name] = st.session_state[name] if st.session_state[name] in options else default
    value: Any
    if kind == "buttons":
        value = st.segmented_control(label, options, key=name, format_func=text, required=True, help=help_text)
    else:
        value = st.selectbox(label, options, key=name, format_func=text, help=help_text)
    chosen = default if value is None else str(value)
    remembered[name] = chosen
    st.session_state.setdefault(_CHOSEN, {})[name] = chosen
    if is_told:
        st.session_state.setdefault(_TOLD, {})[label] = text(chosen)
    return chosen
