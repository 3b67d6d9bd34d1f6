"""How much work a warm page is: the server's part of it, every page as the viewer it is made for.

CPU time is what a busy machine measures rightly: a page waits for nothing else.
"""

import statistics
import time

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.browser.conftest import published_home  # noqa: F401 - a fixture
from warehouse.settings import PROJECT_ROOT

pytestmark = pytest.mark.long

RUNS = 20
LIMIT_SECONDS = 0.3


@pytest.mark.parametrize(
    ("page", "viewer"), [("team", "team_lead"), ("executive", "executive"), ("data", "data_engineer")]
)
def test_a_warm_page_answers_within_300_ms_in_19_of_20_runs(request, monkeypatch, page, viewer, capsys):
    monkeypatch.setenv("SKILLSMITH_HOME", str(request.getfixturevalue("published_home")))
    monkeypatch.setenv("SKILLSMITH_DEMO", "1")
    st.cache_resource.clear()
    st.cache_data.clear()
    app = AppTest.from_file(str(PROJECT_ROOT / "dashboards" / "app.py"), default_timeout=60)
    app.query_params["viewer"] = viewer
    # The first run goes to the viewer's own first page, the second fills what is kept.
    app.run()
    app.run()
    assert not app.exception
    assert app.title[0].value.lower() == page
    taken = []
    for _ in range(RUNS):
        started = time.process_time()
        app.run()
        taken.append(time.process_time() - started)
    p95 = statistics.quantiles(taken, n=20)[18]
    with capsys.disabled():
        print(f"\n{page}: p50 {statistics.median(taken) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms of CPU in {RUNS} runs")
    assert p95 <= LIMIT_SECONDS
