"""Query files: each names its tables, and the pages ask for no file that is not there."""

import re

import pytest

from dashboards import data
from warehouse.errors import UsageError
from warehouse.published import published_table

NAMES = sorted(path.stem for path in data.QUERIES.glob("*.sql"))
PAGES = data.QUERIES.parent


@pytest.mark.parametrize("name", NAMES)
def test_a_query_file_says_what_it_answers_and_names_exactly_the_tables_that_it_reads(name):
    file = data.query_file(name)
    read = set(re.findall(r"\b(?:from|join)\s+([a-z]+\.[a-z_]+)", file.sql))
    assert file.answers.endswith(".")
    assert read == set(file.tables)


@pytest.mark.parametrize("name", NAMES)
def test_a_query_file_reads_published_tables_only(name):
    for table in data.query_file(name).tables:
        entry = published_table(table)
        assert entry is not None
        assert entry.qualified == table
        # Rows of persons: for their own page, and for the demo to choose whose.
        of_persons = name.startswith("my_") or name == "busiest_member"
        assert entry.schema in (("metrics", "ops", "marts") if of_persons else ("metrics", "ops"))


@pytest.mark.parametrize("name", NAMES)
def test_a_query_file_computes_no_metric(name):
    sql = data.query_file(name).sql
    assert not re.search(r"\b(sum|avg|count|median|quantile\w*)\s*\(|[^-]/[^*]", sql)


def test_every_query_that_a_page_asks_for_is_there_and_every_file_is_asked_for():
    asked = set()
    for path in PAGES.rglob("*.py"):
        asked |= set(re.findall(r"data\.query\(\s*\"([a-z_]+)\"", path.read_text(encoding="utf-8")))
    assert asked == set(NAMES)


@pytest.mark.parametrize("name", ["nowhere", "../app", "team/activity", "TEAM"])
def test_a_name_that_is_no_query_file_is_refused(name):
    with pytest.raises(UsageError, match="no query file"):
        data.query_file(name)
