"""A published sample world, the app on a free port over it, and a Chromium that looks at it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestration.cli import run
from tests.conftest import made_once
from warehouse.access import OPERATOR, Reader, open_reader
from warehouse.settings import PROJECT_ROOT, load_settings

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

SCREENSHOTS = PROJECT_ROOT / "artifacts" / "screenshots"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@pytest.fixture(scope="session")
def published_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a published sample world, made by the command itself; SKILLSMITH_TEST_HOME names one to reuse."""
    given = os.environ.get("SKILLSMITH_TEST_HOME")
    if given:
        return Path(given)
    return made_once(tmp_path_factory, "browser", _publish) / "home"


def _publish(folder: Path) -> None:
    drop = folder / "drop"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SKILLSMITH_HOME", str(folder / "home"))
        patch.setenv("SKILLSMITH_DEMO", "1")
        # Of this seed enough people join a team in one month, whatever day it is today.
        world = ("--days", "90", "--accounts", "8", "--seed", "5", "--events", "16000")
        assert run(["simulate", "--out", str(drop), *world]) == 0
        assert run(["--drop", str(drop), "refresh"]) == 0


def _environment(home: Path, *, demo: bool = True) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SKILLSMITH_")}
    return kept | {
        "SKILLSMITH_HOME": str(home),
        "SKILLSMITH_DEMO": "1" if demo else "0",
        "PYTHONPATH": str(PROJECT_ROOT),
    }


@pytest.fixture(scope="session")
def reader(published_home: Path) -> Iterator[Reader]:
    """What is published, for comparing."""
    with open_reader(load_settings(home=published_home, demo=True)) as opened:
        yield opened


@pytest.fixture(scope="session")
def rows(reader: Reader) -> Callable[..., list[dict]]:
    """`rows(sql, *tables)`: published rows as the operator sees them."""
    return lambda sql, *tables: reader.query(sql, OPERATOR, tables).to_pylist()


@contextmanager
def serving(home: Path, *, demo: bool = True) -> Iterator[str]:
    """The app's address while it runs."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "dashboards/app.py", "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true"]
    log = home.parent / f"streamlit-{port}.log"
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=PROJECT_ROOT, env=_environment(home, demo=demo), stdout=output, stderr=subprocess.STDOUT
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_until_healthy(address, server, log)
        yield address
    finally:
        server.terminate()
        server.wait(timeout=20)


def _wait_until_healthy(address: str, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"{address}/_stcore/health", timeout=2):
                return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"the app did not start: {log.read_text()}")


@pytest.fixture(scope="session")
def app(published_home: Path) -> Iterator[str]:
    """Address of the app in demo mode over the published world."""
    with serving(published_home) as address:
        yield address


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    """A headless Chromium from PATH."""
    path = next((found for name in BROWSERS if (found := shutil.which(name))), None)
    if path is None:
        pytest.skip("no Chromium on PATH (Debian: apt-get install chromium)")
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    with playwright_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def visitors(browser) -> Iterator[Callable]:
    """`visitors(scheme)`: one for each colour scheme; what they have loaded of the app they need not load again."""
    known = {}

    def visitor(scheme: str):
        if scheme not in known:
            known[scheme] = browser.new_context(color_scheme=scheme, accept_downloads=True)
        return known[scheme]

    yield visitor
    for context in known.values():
        context.close()


@pytest.fixture
def look(app: str, visitors) -> Iterator[Callable]:
    """`look(path, width=, scheme=)`: open a page of the app and wait until it has been written to the end."""
    opened = []

    def open_page(path: str, *, width: int = 1280, scheme: str = "light", address: str = app):
        page = visitors(scheme).new_page()
        opened.append(page)
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(address + path)
        settle(page)
        return page

    yield open_page
    for page in opened:
        page.close()


WRITTEN = """
() => {
    const app = document.querySelector("[data-testid=stApp]");
    const charts = [...document.querySelectorAll("[data-testid=stVegaLiteChart]")];
    return app !== null
        && app.getAttribute("data-test-connection-state") === "CONNECTED"
        && app.getAttribute("data-test-script-state") === "notRunning"
        && document.body.innerText.includes("Times are UTC.")
        && !document.querySelector("[data-testid=stSkeleton], [data-testid=stAppSkeleton], [data-stale=true]")
        && charts.every((chart) => chart.querySelector("canvas, svg"));
}
"""
"""The end state of a page: its script is over, its last line stands, nothing of the run before is left, and what the
browser loads late (tables of HTML, charts) is drawn."""


def settle(page) -> None:
    """Wait until the page is written to its last line and drawn, and stays so for a quarter of a second."""
    page.wait_for_function(WRITTEN, timeout=60_000)
    # A look from outside may start one more run (the address is completed), so the end has to last.
    still_written = f"""
        () => new Promise((done) => {{
            const written = {WRITTEN};
            let looks = 0;
            const look = () => (!written() ? done(false) : ++looks > 5 ? done(true) : setTimeout(look, 50));
            look();
        }})
    """
    page.wait_for_function(still_written, timeout=60_000)


def keep_screenshot(page, name: str) -> None:
    """Keep the whole page, however long, as artifacts/screenshots/<name>.png."""
    size = page.viewport_size
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(int(height) + 20, 6000)})
    page.wait_for_timeout(700)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    page.set_viewport_size(size)
