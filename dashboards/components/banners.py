"""What stands above or instead of a page: stale or refused data, and friendly words where there is nothing to show."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from dashboards.components import formats
from warehouse.access import STALE_AFTER, Attempt, Snapshot, is_stale
from warehouse.errors import NotPublishedError, TableNotPublishedError, TransientError, WarehouseNewerError
from warehouse.small_groups import MINIMUM_SEATS


def is_refused(attempt: Attempt | None, snapshot: Snapshot) -> bool:
    """Whether the newest attempt to publish was refused, so that pages show an older snapshot."""
    return attempt is not None and attempt.outcome == "refused" and _naive(attempt.at) >= _naive(snapshot.published_at)


def show(snapshot: Snapshot, attempt: Attempt | None) -> None:
    """Say what is wrong with the data as a whole; nothing where nothing is."""
    if attempt is not None and is_refused(attempt, snapshot):
        st.error(
            f"**Publishing refused since {formats.moment(attempt.at)}.** "
            f"Shown is the last good snapshot of {formats.moment(snapshot.published_at)}.\n\n"
            + "\n".join(
                f"- {formats.plain(failed.get('check_name'))} on {formats.plain(failed.get('table_name'))}: "
                f"{formats.plain(failed.get('reason'))}"
                for failed in attempt.failed
            ),
            icon=":material/block:",
        )
    if is_stale(snapshot.as_of, datetime.now(UTC)):
        st.warning(
            f"**Stale data.** The newest snapshot is as of {formats.moment(snapshot.as_of)}, more than "
            f"{STALE_AFTER // timedelta(hours=1)} hours ago. Run `skillsmith-analytics refresh`, or look at the "
            "schedule.",
            icon=":material/schedule:",
        )


def refusal() -> None:
    """Instead of every page where nobody is signed in."""
    st.title("Sign-in is not configured")
    st.info(
        "These pages show figures of teams and customers, and this installation does not know who you are. "
        "Nothing is shown until an administrator configures sign-in.\n\n"
        "To look at sample data on your own machine, run `make demo`.",
        icon=":material/lock:",
    )


def failure(error: Exception) -> None:
    """Instead of a page that could not be read: what happened and what to do, never a trace."""
    if isinstance(error, TableNotPublishedError):
        st.title("Not published yet")
        st.info(
            "This page shows more than what was published last, by an older version. "
            "Run `skillsmith-analytics refresh`; then reload this page.",
            icon=":material/hourglass_empty:",
        )
    elif isinstance(error, NotPublishedError):
        st.title("Nothing is published yet")
        st.info(
            "Import, build, check and publish with `skillsmith-analytics refresh`; then reload this page.",
            icon=":material/hourglass_empty:",
        )
    elif isinstance(error, TransientError):
        st.title("The warehouse does not answer")
        st.info(
            "It is busy or cannot be reached. Reload this page in a minute; if it stays so, see whether its server "
            "runs and what `skillsmith-analytics status` says.",
            icon=":material/hourglass_top:",
        )
    elif isinstance(error, WarehouseNewerError):
        st.title("The published data is newer than this program")
        st.info("Install the version that wrote it, and start the dashboards again.", icon=":material/upgrade:")
    else:
        st.title("This page could not be read")
        st.info(
            f"{formats.plain(str(error))}\n\nWhat is where tells `skillsmith-analytics status`.",
            icon=":material/error:",
        )


def few_people(seats: int) -> None:
    """Instead of a team's figures that are hidden: so few were seated, in the period or in one beside it."""
    why = (
        f"{formats.counted(seats, 'person was', 'people were')} seated in this team in the period. Figures over fewer "
        f"than {MINIMUM_SEATS} would be figures about persons."
        if seats < MINIMUM_SEATS
        else f"Fewer than {MINIMUM_SEATS} people were seated in this team in another period that shares days with this "
        "one; the difference of the two would be figures about persons. Choose a shorter period, or another end."
    )
    st.info(f"**Hidden to protect people.** {why}", icon=":material/visibility_off:")


def nothing(title: str, what_to_do: str) -> None:
    """Instead of a chart or table without rows."""
    st.info(f"**{title}**  \n{what_to_do}", icon=":material/inbox:")


def not_yours(section: str, who: str) -> None:
    """Instead of a section that this viewer's role may not read."""
    st.info(f"**{section}**  \nOnly {who} can see this.", icon=":material/lock:")


def _naive(moment: datetime) -> datetime:
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
