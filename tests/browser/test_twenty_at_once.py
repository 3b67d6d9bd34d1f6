"""Twenty people open pages at the same moment: each gets what they get alone, which is what is published for them."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import NamedTuple
from urllib.parse import urlencode, urlsplit

import pytest
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

from dashboards.components import formats

pytestmark = pytest.mark.long

TWENTY = 20
LENGTHS = (7, 28, 90)
LONGEST_SECONDS = 60


class Visit(NamedTuple):
    """Whose look at which page, and a text that has to stand on it."""

    page: str
    chosen: dict[str, str]
    told: str | None


class Answer(NamedTuple):
    """What the server wrote, element by element in the order of their places, and how long that took."""

    elements: list[tuple[tuple[int, ...], bytes]]
    exceptions: list[str]
    seconds: float

    def tells(self, text: str) -> bool:
        return any(text.encode() in element for _, element in self.elements)


@contextmanager
def session(app: str) -> Iterator[Callable[[Visit], Answer]]:
    """One browser tab's connection to the served app: `look(visit)` opens a page."""
    with connect(f"ws://{urlsplit(app).netloc}/_stcore/stream", max_size=None) as socket:
        yield lambda visit: _answer(socket, visit)


def _answer(socket: ClientConnection, visit: Visit) -> Answer:
    """Ask for a page as a tab does that got this address, and wait until it is written to its end."""
    asked = BackMsg()
    asked.rerun_script.page_name = visit.page
    asked.rerun_script.query_string = urlencode(visit.chosen)
    begun = time.monotonic()
    socket.send(asked.SerializeToString())
    written: dict[tuple[int, ...], bytes] = {}
    exceptions = []
    while True:
        message = ForwardMsg.FromString(socket.recv(timeout=LONGEST_SECONDS, decode=False))
        if message.WhichOneof("type") == "new_session":
            # A page that leads to another begins anew.
            written.clear()
        if message.WhichOneof("type") == "delta":
            place, element = tuple(message.metadata.delta_path), message.delta.new_element
            if element.WhichOneof("type") == "download_button":
                # Drawn anew for every session.
                element.download_button.ClearField("deferred_file_id")
            written[place] = message.delta.SerializeToString(deterministic=True)
            if element.WhichOneof("type") == "exception":
                exceptions.append(element.exception.message)
        if (
            message.WhichOneof("type") == "script_finished"
            and message.script_finished == ForwardMsg.FINISHED_SUCCESSFULLY
        ):
            return Answer(sorted(written.items()), exceptions, time.monotonic() - begun)


@pytest.fixture(scope="module")
def visits(rows) -> list[list[Visit]]:
    """Of each of twenty viewers the pages that they open one after the other: the same page over three periods."""
    shown = rows(
        "select team_id, period_days, active_users, seats from metrics.team_activity where has_data "
        "and period_end = (select max(period_end) from metrics.team_activity) "
        "and seats >= 5 and active_users <> 1 and seats - active_users <> 1 order by seats desc, team_id",
        "metrics.team_activity",
    )
    people = {(row["team_id"], row["period_days"]): f"{row['active_users']}/{row['seats']}" for row in shown}
    own = rows(
        "select m.team_id, w.period_days, w.uses, w.active_days, w.actor_key from marts.dim_team_members as m "
        "join marts.fct_person_windows as w on w.actor_key = m.actor_key "
        "where m.left_at is null and w.skill_name = '*'",
        "marts.dim_team_members",
        "marts.fct_person_windows",
    )
    busiest = {}
    for row in sorted((r for r in own if r["period_days"] == 28), key=lambda r: (-r["active_days"], -r["uses"])):
        busiest.setdefault(row["team_id"], row["actor_key"])
    uses = {
        (row["team_id"], row["period_days"]): formats.count(row["uses"])
        for row in own
        if busiest.get(row["team_id"]) == row["actor_key"]
    }
    teams = list(dict.fromkeys(row["team_id"] for row in shown))
    leads = [{"viewer": "team_lead", "lead": team, "team": team} for team in teams]
    members = [{"viewer": "member", "member": team} for team in sorted(busiest)]
    found = [
        [Visit("team", who | {"period": str(n)}, people.get((who["team"], n))) for n in LENGTHS] for who in leads[:10]
    ]
    found += [
        [Visit("my_usage", who | {"period": str(n)}, uses.get((who["member"], n))) for n in LENGTHS]
        for who in members[: TWENTY - 4 - len(found)]
    ]
    others = (("executive", "executive"), ("data_engineer", "data"))
    for viewer, page in (others * TWENTY)[: TWENTY - len(found)]:
        found.append([Visit(page, {"viewer": viewer}, None)] * len(LENGTHS))
    return found


def test_twenty_people_at_once_each_get_what_they_get_alone(app: str, visits: list[list[Visit]]) -> None:
    together = threading.Barrier(TWENTY)

    def open_all(mine: list[Visit], *, at_once: bool) -> list[Answer]:
        with session(app) as look:
            if at_once:
                together.wait(LONGEST_SECONDS)
            return [look(visit) for visit in mine]

    alone = [open_all(mine, at_once=False) for mine in visits]
    with ThreadPoolExecutor(TWENTY) as threads:
        crowded = list(threads.map(lambda mine: open_all(mine, at_once=True), visits))

    for mine, quiet, loud in zip(visits, alone, crowded, strict=True):
        for visit, before, now in zip(mine, quiet, loud, strict=True):
            assert before.exceptions == now.exceptions == [], visit
            assert visit.told is None or before.tells(visit.told), visit
            assert now.elements == before.elements, visit
    # Else somebody could see another's page and it would not show.
    different = {str(visit) for mine in visits for visit in mine}
    assert len({str(answer.elements) for mine in alone for answer in mine}) >= len(different)
    seconds = sorted(answer.seconds for answers in crowded for answer in answers)
    quiet_seconds = sorted(answer.seconds for answers in alone for answer in answers)
    print(f"\n{TWENTY} at once, server's answer: median {seconds[len(seconds) // 2] * 1000:.0f} ms, ", end="")
    print(f"95th percentile {seconds[int(len(seconds) * 0.95)] * 1000:.0f} ms; ", end="")
    print(f"one alone, 95th percentile {quiet_seconds[int(len(quiet_seconds) * 0.95)] * 1000:.0f} ms")
