"""A TimescaleDB for these tests: the one that SKILLSMITH_TEST_TIMESCALE_URL names, else the npm build beside this file.

The npm build (PostgreSQL 17 and TimescaleDB in WASM, behind server.mjs) has one session: one client at a time,
one thread, no server-side prepared statements.
"""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

HERE = Path(__file__).parent
URL_VARIABLE = "SKILLSMITH_TEST_TIMESCALE_URL"


def _node() -> str:
    node = shutil.which("node")
    if node is None:
        pytest.skip(f"no Node on PATH and no {URL_VARIABLE}")
    major = int(subprocess.check_output([node, "--version"], text=True).lstrip("v").split(".")[0])
    if major < 20:
        pytest.skip(f"Node {major} is older than 20 and there is no {URL_VARIABLE}")
    if not (HERE / "node_modules" / "@unni-craftsman").is_dir():
        pytest.skip("the npm build is not installed: `make test-long` does it (npm ci in tests/timescale)")
    return node


@pytest.fixture(scope="session")
def timescale_url() -> Iterator[str]:
    """Address of a server with the extension created; the npm build's ends with the tests."""
    given = os.environ.get(URL_VARIABLE)
    if given:
        yield given
        return
    with subprocess.Popen(
        [_node(), "server.mjs"], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            started = server.stdout.readline()
            assert started, "server.mjs ended before it listened; its error is above"
            yield f"postgresql://postgres:password@127.0.0.1:{json.loads(started)['port']}/template1"
        finally:
            server.stdin.close()
            try:
                server.wait(timeout=10)
            except subprocess.TimeoutExpired:
                server.kill()


@pytest.fixture
def timescale(timescale_url: str) -> Iterator[psycopg.Connection]:
    """An autocommitting client in a schema of its own, dropped afterwards."""
    with psycopg.connect(timescale_url, autocommit=True, prepare_threshold=None) as connection:
        connection.execute("drop schema if exists smoke cascade")
        connection.execute("create schema smoke")
        yield connection
        connection.execute("drop schema if exists smoke cascade")


@pytest.fixture
def timescale_database(timescale_url: str) -> Iterator[str]:
    """Address of a database with nothing in it but the extension.

    The npm build has but one database, so there the product's schemas are dropped; a given server gets a new one.
    """
    if URL_VARIABLE in os.environ:
        name = "skillsmith_smoke"
        with psycopg.connect(timescale_url, autocommit=True) as connection:
            connection.execute(f"drop database if exists {name} with (force)")
            connection.execute(f"create database {name}")
        address = urlsplit(timescale_url)._replace(path=f"/{name}").geturl()
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("create extension if not exists timescaledb")
        yield address
        with psycopg.connect(timescale_url, autocommit=True) as connection:
            connection.execute(f"drop database {name} with (force)")
        return
    yield timescale_url
    with psycopg.connect(timescale_url, autocommit=True, prepare_threshold=None) as connection:
        for schema in (
            "raw",
            "staging",
            "intermediate",
            "marts",
            "seeds",
            "build",
            "metrics",
            "ops",
            "access",
            "rollups",
        ):
            connection.execute(f"drop schema if exists {schema} cascade")
