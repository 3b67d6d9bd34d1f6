"""The door by itself: what goes, what stays, and that the engine's question is never narrower than the answer."""

import hashlib
import hmac
import json
import subprocess
import sys
from collections import Counter

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.privacy import dirty_sql, pseudonym, pseudonym_pads, pseudonym_sql, quarantine_text, scrub, scrub_text

PRIVATE = {
    "bob@example.com": "[email]",
    "mail bob.b+x@mail.example.co.uk today": "mail [email] today",
    "ghp_abcdefghij0123456789": "[token]",
    "key sk_live_abcdef123456": "key [token]",
    "Authorization Bearer abcdefgh12345678": "Authorization [token]",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc": "[token]",
    "redis://:s3cretpw@cache:6379": "redis[token]cache:6379",
    "shpat_abcdef0123456789 dckr": "[token] dckr",
    "https://hooks.slack.com/services/T000/B000/XXXXXXXX": "https://[token]",
    "sk-svcacct-abcdef01234": "[token]",
    "/home/bob/work": "[path]",
    "see /srv/app/x.py, line 3": "see [path], line 3",
    "C:\\Users\\bob\\x": "[path]",
    "~/notes": "[path]",
    "from 198.51.100.77, ok": "from [ip], ok",
    "2001:db8::8a2e:370:7334": "[ip]",
    "Traceback (most recent call last): ...": "[stack trace]",
    "TypeError: x at Object.run (index.js:3:7)": "[stack trace]",
    # JSON in a text, and JSON of JSON in one.
    'Acme ["C:\\\\Users\\\\Bob Bobson\\\\x.cs"]': "[path]",
    'Acme ["line one\\\\n/Users/Bob Bobson/x.py"]': "[path]",
    'Acme "\\u00a0ghp_abcdefghij0123456789"': 'Acme "\u00a0[token]"',
}
HARMLESS = [
    "anthropic/docx",
    "Mozilla/5.0 Chrome/120.0.0.0 Safari/537.36",
    "203.0.113.0/24",
    "2026-02-01T10:00:00Z",
    "https://github.com/acme/thing",
    "refs/heads/main",
    "at 12:30:45",
    "sub_1PgafTB7WZ01zgkW",
    "00000000-0000-4000-8000-000000000001",
]


@pytest.fixture(scope="module")
def engine() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def is_asked(engine: duckdb.DuckDBPyConnection, *texts: str) -> bool:
    """Whether the engine asks about each of the texts."""
    asked = f"select bool_and({dirty_sql('t')}) from (select chr(10) || unnest($texts) as t)"
    row = engine.execute(asked, {"texts": list(texts)}).fetchone()
    return bool(row and row[0])


@pytest.mark.parametrize("text", PRIVATE)
def test_what_looks_private_is_replaced_by_what_it_was(engine: duckdb.DuckDBPyConnection, text: str) -> None:
    removed: Counter[str] = Counter()

    assert scrub_text(text, removed) == PRIVATE[text]
    assert removed.total() == 1
    assert is_asked(engine, text)
    assert is_asked(engine, json.dumps({"note": [text]}))


@pytest.mark.parametrize("text", HARMLESS)
def test_what_is_harmless_stays(engine: duckdb.DuckDBPyConnection, text: str) -> None:
    removed: Counter[str] = Counter()

    assert scrub_text(text, removed) == text
    assert not removed


@pytest.mark.parametrize(
    "key",
    [
        *("query", "Query", "filePath", "file_path", "file-path", "email", "apiKey", "api_key_hash", "tool_arguments"),
        *("ip", "github_token", "sessionToken", "webhookSigningSecret", "hashed_api_key", "user.email", "rawQuery"),
        *("shell_command", "user_prompt", "stack_frames"),
    ],
)
def test_a_dropped_key_goes_at_any_depth_however_it_is_spelt(engine: duckdb.DuckDBPyConnection, key: str) -> None:
    removed: Counter[str] = Counter()
    value = {"a": [{"b": {key: {"x": 1}, "kept": 2}}]}

    assert scrub(value, removed) == {"a": [{"b": {"kept": 2}}]}
    assert removed == {key.lower(): 1}
    assert is_asked(engine, json.dumps(value))


@pytest.mark.parametrize("key", ["actor", "actorId", "user-id", "createdBy", "member_id", "Invited By", "assignee"])
def test_a_key_that_names_a_person_gives_a_pseudonym_however_it_is_spelt(
    engine: duckdb.DuckDBPyConnection, key: str
) -> None:
    value = {"a": [{key: "usr_17"}]}
    assert scrub(value, Counter(), lambda person: f"<{person}>") == {"a": [{key: "<usr_17>"}]}
    assert is_asked(engine, json.dumps(value))


@pytest.mark.parametrize("piece", [" ", "a", "token ", "a b", ".-_ ", "email" + " " * 500])
def test_what_looks_like_a_key_for_ever_is_looked_at_in_time_that_grows_with_it_alone(piece: str) -> None:
    # Where two parts of a pattern can share a run out, this takes hours.
    looking = (
        "import sys; from collections import Counter; from ingest.privacy import scrub, scrub_string; "
        "run = sys.argv[1] * (60_000 // len(sys.argv[1])); "
        "scrub_string('{\"' + run + 'x', Counter(), str); scrub({run: 1}, Counter(), str)"
    )
    subprocess.run([sys.executable, "-c", looking, piece], check=True, timeout=60)


@pytest.mark.parametrize(
    "key", ["has_query", "skill_name", "success", "session_id", "error_code", "source", "platform"]
)
def test_keys_that_metrics_need_are_not_dropped(key: str) -> None:
    assert scrub({key: "x"}, Counter()) == {key: "x"}


def test_the_engine_makes_the_same_pseudonym_as_pythons_hmac(engine: duckdb.DuckDBPyConnection) -> None:
    for key in (b"short", b"k" * 64, b"k" * 100):
        for person in ("user_1", "", "zoë", "x" * 300):
            inner, outer = pseudonym_pads(key)
            row = engine.execute(
                f"select {pseudonym_sql('$person')}", {"inner": inner, "outer": outer, "person": person}
            ).fetchone()
            expected = hmac.new(key, person.encode(), hashlib.sha256).hexdigest()
            assert row == (expected,)
            assert pseudonym(key, person) == expected


WORDS = st.sampled_from([*PRIVATE, *HARMLESS, "plain", "query", "filePath", "x"])
TREES = st.recursive(
    WORDS | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS | st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


# Many in one question, most of whose time goes into its patterns.
@settings(max_examples=30, deadline=None)
@given(trees=st.lists(st.dictionaries(st.text(max_size=8), TREES, max_size=3), min_size=1, max_size=20))
def test_the_engine_asks_about_everything_that_scrubbing_would_change(
    engine: duckdb.DuckDBPyConnection, trees: list[dict[str, object]]
) -> None:
    changed = [tree for tree in trees if scrub(tree, Counter()) != tree]
    if changed:
        assert is_asked(engine, *(json.dumps(tree, ensure_ascii=False, separators=(",", ":")) for tree in changed))


@settings(max_examples=300, deadline=None)
@given(tree=TREES)
def test_scrubbing_twice_changes_nothing_more(tree: object) -> None:
    once = scrub(tree, Counter())

    assert scrub(once, Counter()) == once


@pytest.mark.parametrize(
    "line",
    [
        '{"actor": "person-9", "email": "bob@example.com", "name": "Robert B", "query": "how do I"',
        '{"actor":"person-9","query":"how do I","name":"Robert B"}',
        '{"nested": {"actor": "person-9"}, "q": ["how do I"], "name": "Robert B", broken',
    ],
)
def test_a_quarantined_row_names_nobody_even_where_it_is_broken(line: str) -> None:
    text = quarantine_text(line, b"key", Counter())

    assert [value for value in ("person-9", "bob@", "Robert", "how do I") if value in text] == []
