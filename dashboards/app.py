"""The dashboards: `streamlit run dashboards/app.py`, or `skillsmith-analytics dashboard`.

Reads top to bottom: who looks, what is wrong with the data as a whole, the page. A page is a module of
`dashboards.app_pages`; add it to `_pages`.
"""

import streamlit as st

from dashboards import data, viewers
from dashboards.app_pages import data as data_page
from dashboards.app_pages import executive, team
from dashboards.components import banners, formats
from dashboards.viewers import Looking
from warehouse.access import Role
from warehouse.errors import SkillsmithError
from warehouse.settings import load_settings

# Wide, but never wider than a line that the eye can follow; tables keep their numbers on one line.
STYLE = """
<style>
.block-container {max-width: 1240px; padding-top: 3.6rem; padding-bottom: 2rem;}
[data-testid="stTable"] td, [data-testid="stTable"] th {font-variant-numeric: tabular-nums; white-space: nowrap;}
[data-testid="stTable"] td:last-child {white-space: normal;}
@media (max-width: 640px) {.block-container {padding-left: 1rem; padding-right: 1rem;}}
</style>
"""


def main() -> None:
    """One run of the app: it happens at every look and every click."""
    st.set_page_config(
        page_title="Skillsmith Analytics",
        page_icon=":material/monitoring:",
        layout="wide",
        initial_sidebar_state="collapsed",
        menu_items={"About": None, "Get help": None, "Report a bug": None},
    )
    st.html(STYLE)
    try:
        looking = viewers.current_viewer(load_settings())
        if looking is None:
            st.navigation([st.Page(banners.refusal, title="Sign in", url_path="sign-in")], position="hidden").run()
            return
        _show(looking)
    except SkillsmithError as error:
        banners.failure(error)


def _show(looking: Looking) -> None:
    page = st.navigation(_pages(looking), position="top")
    _header(looking)
    snapshot = data.snapshot()
    banners.show(snapshot, data.last_attempt())
    page.run()
    st.divider()
    st.caption(
        f"Snapshot {snapshot.snapshot_id}, published {formats.moment(snapshot.published_at)}, "
        f"as of {formats.moment(snapshot.as_of)}. Times are UTC."
    )


def _pages(looking: Looking) -> list[st.Page]:  # pyright: ignore[reportInvalidTypeForm]
    first = {Role.EXECUTIVE: "executive", Role.DATA_ENGINEER: "data"}.get(looking.viewer.role, "team")
    shown = {
        "team": ("Team", ":material/groups:", team.show),
        "executive": ("Executive", ":material/trending_up:", executive.show),
        "data": ("Data", ":material/database:", data_page.show),
    }
    return [
        st.Page(lambda show=show: show(looking), title=title, icon=icon, url_path=name, default=name == first)
        for name, (title, icon, show) in shown.items()
    ]


def _header(looking: Looking) -> None:
    if looking.is_demo:
        st.markdown(f":violet-badge[:material/science: Demo] Looking as **{formats.plain(looking.label)}**")


main()
