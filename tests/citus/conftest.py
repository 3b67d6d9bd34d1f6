"""A fresh database on the Citus cluster that SKILLSMITH_TEST_CITUS_URL names: its coordinator, as a superuser."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import psycopg
import pytest

from warehouse.settings import Settings, load_settings

URL_VARIABLE = "SKILLSMITH_TEST_CITUS_URL"


def _on(address: str, statements: list[str]) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


@contextmanager
def fresh_database() -> Iterator[str]:
    """Address of a database with nothing in it but the extension, on every node of the given cluster."""
    given = os.environ.get(URL_VARIABLE)
    if not given:
        pytest.skip(f"no {URL_VARIABLE}: a Citus cluster is given or not there, none comes with the tests")
    parts = urlsplit(given)
    with psycopg.connect(given) as connection:
        nodes = connection.execute("select nodename, nodeport from pg_dist_node order by groupid").fetchall()
    name = "skillsmith_" + uuid.uuid4().hex[:8]

    def at(host: str, port: int, database: str) -> str:
        login = parts.netloc.rpartition("@")[0]
        return parts._replace(netloc=f"{login}@{host}:{port}", path=f"/{database}").geturl()

    for host, port in nodes:
        # Citus makes no database on its workers; without the notice that says so.
        _on(at(host, port, parts.path[1:]), ["set client_min_messages = warning", f"create database {name}"])
        _on(at(host, port, name), ["create extension citus"])
    (host, port), *workers = nodes
    coordinator = at(host, port, name)
    _on(coordinator, [f"select citus_set_coordinator_host('{host}', {port})"])
    _on(coordinator, [f"select citus_add_node('{host}', {port})" for host, port in workers])
    yield coordinator
    for host, port in nodes:
        _on(at(host, port, parts.path[1:]), [f"drop database {name} with (force)"])


@pytest.fixture(scope="module")
def citus_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Settings of a fresh home whose warehouse is such a database; one for the tests of a module."""
    home = tmp_path_factory.mktemp("home")
    with fresh_database() as address:
        yield load_settings(home=home, secret="a key for tests only", warehouse_url=address, threads=2)
