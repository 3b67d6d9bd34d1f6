"""The app as a whole, without a browser: who is refused, and what is said before anything is published."""

from collections.abc import Iterator

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from warehouse.settings import PROJECT_ROOT

APP = str(PROJECT_ROOT / "dashboards" / "app.py")


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    st.cache_resource.clear()
    st.cache_data.clear()
    yield
    st.cache_resource.clear()


def _text(app: AppTest) -> str:
    return " ".join(str(element.value) for element in [*app.title, *app.info, *app.markdown, *app.caption])


def test_without_demo_and_without_sign_in_the_app_refuses_and_shows_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("SKILLSMITH_HOME", str(tmp_path))
    app = AppTest.from_file(APP, default_timeout=120).run()
    assert not app.exception
    assert [title.value for title in app.title] == ["Sign-in is not configured"]
    assert "Snapshot" not in _text(app)


def test_before_the_first_publish_the_demo_says_what_to_run(tmp_path, monkeypatch):
    monkeypatch.setenv("SKILLSMITH_HOME", str(tmp_path))
    monkeypatch.setenv("SKILLSMITH_DEMO", "1")
    app = AppTest.from_file(APP, default_timeout=120).run()
    assert not app.exception
    assert [title.value for title in app.title] == ["Nothing is published yet"]
    assert "skillsmith-analytics refresh" in _text(app)


def _one_choice() -> None:
    import streamlit

    from dashboards.components import selection

    selection.begin()
    streamlit.write(selection.choose("Period", "period", ["7", "28"], default="28"))
    selection.end()


def test_the_address_decides_the_selection_and_an_unknown_value_falls_back_to_the_default():
    app = AppTest.from_function(_one_choice)
    app.query_params["period"] = "7"
    app.run()
    assert app.selectbox[0].value == "7"
    app.selectbox[0].select("28").run()
    assert app.query_params["period"] == "28"
    other = AppTest.from_function(_one_choice)
    other.query_params["period"] = "1000"
    other.run()
    assert other.selectbox[0].value == "28"
    assert other.query_params["period"] == "28"
