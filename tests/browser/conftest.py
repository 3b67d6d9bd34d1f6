"""A published sample world, the app on a free port over it, and a Chromium that looks at it."""

import gzip
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from orchestration.cli import run
from tests.conftest import made_once
from warehouse.access import OPERATOR, Reader, open_reader
from warehouse.settings import PROJECT_ROOT, load_settings

playwright_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

SCREENSHOTS = PROJECT_ROOT / "artifacts" / "screenshots"
NEW_TEAM = "team_zz_newcomers"
"""A team of the sample world that nobody has joined yet."""
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
        _add_team_without_people(drop / "registry" / "teams")
        assert run(["--drop", str(drop), "refresh"]) == 0


def _add_team_without_people(folder: Path) -> None:
    """One more team, of an account that has others: it was made, and nobody has joined it yet."""
    known: dict[str, dict] = {}
    for path in sorted(folder.glob("*.ndjson.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as file:
            known |= {row["team_id"]: row for row in map(json.loads, file) if "team_id" in row}
    accounts = [row["account_id"] for row in known.values()]
    row = max(known.values(), key=lambda row: (accounts.count(row["account_id"]), row["account_id"]))
    row |= {"team_id": NEW_TEAM, "name": "Newcomers", "slug": "newcomers"}
    (folder / "newcomers.ndjson").write_text(json.dumps(row) + "\n", encoding="utf-8")


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
    app = str(PROJECT_ROOT / "dashboards" / "app.py")
    command = [sys.executable, "-m", "streamlit", "run", app, "--server.port", str(port)]
    command += ["--server.address", "127.0.0.1", "--server.headless", "true"]
    log = home.parent / f"streamlit-{port}.log"
    with log.open("w") as output:
        # Wherever it is started from, its settings are its own.
        environment = _environment(home, demo=demo)
        server = subprocess.Popen(command, cwd=home.parent, env=environment, stdout=output, stderr=subprocess.STDOUT)
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
        # All tabs of the app in one process, which has its scripts compiled: a page then costs half.
        shared = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--process-per-site"]
        opened = playwright.chromium.launch(executable_path=path, args=shared)
        yield opened
        opened.close()


@pytest.fixture(scope="session")
def visitor(browser, app: str) -> Iterator[object]:
    """Whoever looks: what they have loaded of the app they need not load again."""
    context = browser.new_context(accept_downloads=True)
    # Stays open, and with it the process that later tabs share.
    context.new_page().goto(f"{app}/_stcore/health")
    yield context
    context.close()


def _opened(visitor, address: str, width: int = 1280, scheme: str = "light"):
    page = visitor.new_page()
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto(address)
    settle(page)
    return page


@pytest.fixture
def look(app: str, visitor) -> Iterator[Callable]:
    """`look(path, width=, scheme=)`: open a page of the app and wait until it has been written to the end."""
    opened = []

    def open_page(path: str, *, address: str = app, **view: object):
        opened.append(_opened(visitor, address + path, **view))
        return opened[-1]

    yield open_page
    for page in opened:
        page.close()


@pytest.fixture(scope="session")
def read(app: str, visitor) -> Callable:
    """`read(path)`: the page at that address for whoever only reads it, opened once for all of them."""
    return cache(lambda path: _opened(visitor, app + path))


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


def settle(page, quiet_ms: int = 250) -> None:
    """Wait until the page is written to its last line and drawn, and stays so, of one size, for that long."""
    page.wait_for_function(WRITTEN, timeout=60_000)
    # A look from outside may start one more run (the address is completed), and charts follow a new width late.
    still_written = f"""
        () => new Promise((done) => {{
            const written = {WRITTEN};
            const sized = () => [...document.querySelectorAll("[data-testid=stMain], canvas, svg.marks")]
                .map((one) => `${{one.scrollHeight}} ${{one.clientWidth}} ${{one.clientHeight}}`).join();
            const first = sized();
            const end = performance.now() + {quiet_ms};
            const look = () => {{
                if (!written() || sized() !== first) return done(false);
                return performance.now() > end ? done(true) : setTimeout(look, 50);
            }};
            look();
        }})
    """
    page.wait_for_function(still_written, timeout=60_000)


VIEWS = ((1280, "light"), (390, "dark"))
"""The widths and colour schemes that a page is looked at in, each of both at least once."""


def keep_screenshots(page, name: str, views: Sequence[tuple[int, str]] = VIEWS) -> None:
    """Keep the page as artifacts/screenshots/<name>-<width>-<scheme>.png in each view; nothing may stick out of one."""
    for width, scheme in views:
        was_dark = page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": 900})
        settle(page)
        if was_dark != (scheme == "dark"):
            # The colour of labels inside charts is the server's, which learns of the scheme with its next run.
            page.keyboard.press("r")
            page.wait_for_timeout(100)
            settle(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (width, scheme)
        background = page.evaluate("getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor")
        assert (sum(int(part) for part in re.findall(r"\d+", background)[:3]) < 200) == (scheme == "dark")
        keep_screenshot(page, f"{name}-{width}-{scheme}")


def keep_screenshot(page, name: str) -> None:
    """Keep the whole page, however long, as artifacts/screenshots/<name>.png."""
    size = page.viewport_size
    height = page.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
    page.set_viewport_size({"width": size["width"], "height": min(int(height) + 20, 6000)})
    if page.locator("[data-testid=stVegaLiteChart]").count():
        settle(page, quiet_ms=400)
    page.screenshot(path=SCREENSHOTS / f"{name}.png")
    page.set_viewport_size(size)


def rows_shown(page) -> list[list[str]]:
    """The cells of every table row on the page."""
    written = page.get_by_role("row").evaluate_all("rows => rows.map((row) => row.innerText)")
    return [text.split("\t") for text in written]
