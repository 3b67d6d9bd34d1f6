"""Links from one page to another that keep who looks, the team and the period: an address that can be sent on.

`app.py` says once a run which pages this viewer has; a link to a page that they have not is not drawn.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from dashboards.components import selection

_PAGES = "pages_of_the_viewer"


def remember(pages: Mapping[str, Any]) -> None:
    """Say which pages the viewer has, by the name in the address."""
    st.session_state[_PAGES] = dict(pages)


def to(page: str, label: str, *, icon: str | None = None, **chosen: str) -> None:
    """A link to a page with the selection of this one, `chosen` put over it."""
    target = st.session_state.get(_PAGES, {}).get(page)
    if target is not None:
        st.page_link(
            target,
            label=label,
            icon=icon,
            query_params={**st.query_params.to_dict(), **selection.in_address(), **chosen},
        )
