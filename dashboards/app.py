"""The dashboards: `streamlit run dashboards/app.py`, or `skillsmith-analytics dashboard`.

Reads top to bottom: who looks, what is wrong with the data as a whole, the page. A page is a module of
`dashboards.app_pages`; add it to `_pages`.
"""

from pathlib import Path

import streamlit as st

from dashboards import data, viewers
from dashboards.app_pages import account, executive, my_usage, onboarding, recommendations, skill, team, time_saved
from dashboards.app_pages import data as data_page
from dashboards.components import banners, formats, links, selection
from dashboards.viewers import Looking
from warehouse.access import Role
from warehouse.errors import SkillsmithError
from warehouse.settings import load_settings

# Wide, but never wider than a line that the eye can follow; tables keep their numbers on one line.
STYLE = """
<style>
.block-container {max-width: 1240px; padding-top: 4.5rem; padding-bottom: 2rem;}
.rows {overflow: auto; border-top: 1px solid rgba(128, 140, 155, .35);}
.rows table {border-collapse: collapse; width: 100%; font-size: .9rem; font-variant-numeric: tabular-nums;}
.rows th {text-align: left; font-weight: 600; white-space: nowrap;}
.rows th {position: sticky; top: 0; backdrop-filter: blur(9px);}
.rows th, .rows td {padding: .42rem .7rem; border-bottom: 1px solid rgba(128, 140, 155, .25); vertical-align: top;}
.rows td {white-space: nowrap;}
.rows.cut {border-bottom: 1px solid rgba(128, 140, 155, .35);}
.rows td.long {white-space: normal; overflow-wrap: anywhere; min-width: 9rem;}
.rows td.check_name, .rows td.reason {min-width: 13rem;} .rows td.observed, .rows td.expected {min-width: 7rem;}
.rows .good {color: #25905a;} .rows .warn {color: #c97a12;} .rows .bad {color: #d64550;}
.rows .number {text-align: right;}
/* Charts have their own buttons under them; the toolbar's are invisible until a mouse comes, also to a keyboard. */
[data-testid=stElementToolbar] {display: none;}
/* Small print is small enough: paler than the rest it could not be read. */
[data-testid=stCaptionContainer], [data-testid=stCaptionContainer] * {opacity: 1;}
[class*="st-key-blocked_"] {opacity: .6; filter: grayscale(1);}
.printed {display: none;}
a:focus-visible {outline: 2px solid currentColor !important; outline-offset: 2px;}
@media print {
  .printed {display: block; font-weight: 600;}
  /* What is pressed or chosen is no use on paper; what was chosen stands in words. */
  [data-testid=stHeader], [data-testid=stToolbar], [data-testid=stSidebar], [data-testid=stSelectbox],
  [data-testid=stButtonGroup], [data-testid=stPopover], [data-testid=stDownloadButton], [data-testid=stPageLink],
  [data-testid=stForm], [data-testid=stHeaderActionElements],
  [data-testid=stExpander]:not(:has(details[open]))
    {display: none !important;}
  [data-testid=stApp], [data-testid=stAppViewContainer], [data-testid=stMain], .stApp > div
    {position: static !important; overflow: visible !important; height: auto !important;}
  .block-container {max-width: none; padding: 0 !important;}
  .rows {max-height: none !important; overflow: visible !important;}
  [data-testid=stVegaLiteChart], [class*="st-key-tile_"], [class*="st-key-step_"], .rows tr {break-inside: avoid;}
  h2, h3 {break-after: avoid;}
  /* Browsers print no backgrounds, so light letters of a dark page would be gone. */
  * {color: #16202e !important; background: transparent !important; border-color: #9aa4b1 !important;}
  svg text {fill: #16202e !important;}
  svg .role-axis-grid line {stroke: #d5dbe3 !important;}
  svg .mark-rule.role-mark line {stroke: #16202e !important;}
}
@media (max-width: 640px) {.block-container {padding-left: 1rem; padding-right: 1rem;}}
</style>
"""


def main() -> None:
    """One run of the app: it happens at every look and every click."""
    st.set_page_config(
        page_title="Skillsmith Analytics",
        # An icon by its name would be fetched from a server of Google's by every browser.
        page_icon=Path(__file__).with_name("icon.svg"),
        layout="wide",
        initial_sidebar_state="collapsed",
        menu_items={"About": None, "Get help": None, "Report a bug": None},
    )
    st.html(STYLE)
    selection.begin()
    try:
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            looking = viewers.current_viewer(load_settings())
            if looking is not None and looking.is_demo:
                st.markdown(
                    f":violet-badge[:material/science: Demo data] Looking as **{formats.plain(looking.label)}**",
                    width="content",
                )
        if looking is None:
            st.navigation([st.Page(banners.refusal, title="Sign in", url_path="sign-in")], position="hidden").run()
            return
        _show(looking)
    except SkillsmithError as error:
        banners.failure(error)


def _show(looking: Looking) -> None:
    page = st.navigation(_pages(looking), position="top")
    snapshot = data.snapshot()
    banners.show(snapshot, data.last_attempt())
    page.run()
    selection.end()
    if data.snapshot() != snapshot:
        # A new snapshot came while the page was written, and a page is never of two.
        st.rerun()
    st.divider()
    st.caption(
        f"Snapshot {snapshot.snapshot_id}, published {formats.moment(snapshot.published_at)}, "
        f"as of {formats.moment(snapshot.as_of)}. Times are UTC."
    )


def _pages(looking: Looking) -> list[st.Page]:  # pyright: ignore[reportInvalidTypeForm]
    shown = {
        "team": ("Team", ":material/groups:", team.show),
        "skill": ("Skill", ":material/extension:", skill.show),
        "time_saved": ("Time saved", ":material/timer:", time_saved.show),
        "onboarding": ("Onboarding", ":material/rocket_launch:", onboarding.show),
        "recommendations": ("Recommendations", ":material/recommend:", recommendations.show),
        "my_usage": ("My usage", ":material/person:", my_usage.show),
        "account": ("Account", ":material/domain:", account.show),
        "executive": ("Executive", ":material/trending_up:", executive.show),
        "data": ("Data", ":material/database:", data_page.show),
    }
    pages = {
        name: st.Page(lambda show=show: show(looking), title=title, icon=icon, url_path=name)
        for name, (title, icon, show) in shown.items()
    }
    links.remember(pages)
    firsts = {Role.EXECUTIVE: "executive", Role.DATA_ENGINEER: "data", Role.MEMBER: "my_usage"}
    first = pages[firsts.get(looking.viewer.role, "team")]
    # Streamlit serves its default page under no name but "/", so that one only leads to the viewer's own first page.
    home = st.Page(lambda: st.switch_page(first), title="Home", default=True, visibility="hidden")
    return [home, *pages.values()]


main()
