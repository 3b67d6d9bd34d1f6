"""Hostile rows through a real import, and then a look for what they hid in every place that an import writes to.

The secrets are made, so each is known; they stand in every kind of place: columns, nested values, keys, strings that
are JSON themselves, unknown keys, rows that are quarantined, lines that are broken, refused files, names of files.
"""

import csv
import io
import json
import os
import random
import re
import subprocess
import sys
import tempfile
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ingest.files import import_drop
from tests.integration.test_import import event, put
from warehouse import open_warehouse
from warehouse.errors import SkillsmithError, UsageError
from warehouse.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[2]
AS_OF = datetime(2026, 3, 1)
# Stands in every secret, so that a piece of one is found as well.
MARK = "zqxsecret"

PIECES = (
    f"{MARK}.bob+x@mail.example.co.uk",
    f"{MARK}%40example.com",
    f"ghp_{MARK}abcdefghij0123456789",
    f"github_pat_{MARK}11ABCDEFG0",
    f"sk_live_{MARK}0123456789",
    f"sk-ant-api03-{MARK}-0123456789",
    f"sk-proj-{MARK}0123456789",
    f"xoxb-{MARK}-0123456789",
    f"glpat-{MARK}0123456789",
    f"npm_{MARK}0123456789abcdefghij",
    f"Bearer {MARK}.0123456789",
    f"eyJhbGciOiJIUzI1NiJ9.{MARK}.abc",
    f"postgresql://{MARK}:{MARK}@localhost/db",
    f"-----BEGIN RSA PRIVATE KEY-----\nMIIE{MARK}\n-----END RSA PRIVATE KEY-----",
    f"/home/{MARK}/work/x.py",
    f"/Users/Bob {MARK}/work/x.py",
    f"/opt/{MARK}",
    f"~/{MARK}/notes.md",
    f"~{MARK}/notes.md",
    f"C:\\Users\\Bob {MARK}\\x.cs",
    f"C:/Users/{MARK}/x.cs",
    f"\\\\server\\{MARK}\\share",
    f"file:///srv/{MARK}.txt",
    f"/work dir? /{MARK}/deep/er/file.py",
    f'Traceback (most recent call last):\n  File "{MARK}.py", line 3, in run\nValueError: {MARK}',
    f"TypeError: {MARK} is not a function\n    at {MARK} ({MARK}.js:3:7)\n    at async Promise.all (index 0)",
    f'Exception in thread "main" java.lang.Error: {MARK}\n\tat com.acme.{MARK}.run(Main.java:42)',
    f"Caused by: {MARK} at com.acme.Main.run(Native Method)",
    f"{MARK}@https://host.example/app.js:10:5",
)
ADDRESSES = (
    "198.51.100.77",
    "10.83.200.199",
    "2001:db8:1:2:3:4:5:77fe",
    "2001:db8::8a2e:77fe",
    "::ffff:198.51.100.77",
)
# The last group of an IPv6 address stands alone or behind a colon: four digits within a hash or a UUID are none of it.
ADDRESS = re.compile(r"198\.51\.100\.77|10\.83\.200\.199|:77fe|(?<![0-9a-f-])77fe(?![0-9a-f-])")
KEYS = (
    *("query", "searchText", "tool_arguments", "args", "file_path", "CWD", "email", "E-Mail", "fullName", "user_name"),
    *("ip", "x-forwarded-for", "apiKey", "api_key_hash", "signing_secret", "password", "Cookie", "stack", "traceback"),
    *("Display Name", " email ", "customer_email"),
)
PERSONS = ("actor", "login", "user_id", "created_by")

PLACES = st.sampled_from(
    ["", "see ", "x=", "(", "error: ", "line one\n", "a\t", '"', "'", "é ", "at\r\n", "\u00a0", "<", "|"]
)
PRIVATE = st.builds(lambda lead, text, tail: lead + text + tail, PLACES, st.sampled_from(PIECES + ADDRESSES),
                    st.sampled_from(["", " ", ", ok", "\n", ")", '"', "\\"]))  # fmt: skip
NAMED = st.dictionaries(st.sampled_from(KEYS + PERSONS), st.just(f"Robert {MARK}"), min_size=1, max_size=2)
HOSTILE = st.recursive(
    PRIVATE | NAMED,
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(PRIVATE | st.text("abcxyz_", min_size=1, max_size=6), inner, min_size=1, max_size=2)
        | inner.map(lambda value: json.dumps(value))
        | inner.map(lambda value: json.dumps(value, ensure_ascii=False))
    ),
    max_leaves=5,
)


def escaped(line: str, choose: random.Random) -> str:
    """The same JSON with some of its characters as escapes."""
    return "".join(
        f"\\u{ord(c):04{choose.choice('xX')}}" if c in "@./:_email" and choose.random() < 0.3 else c for c in line
    )


def spelt(row: dict[str, Any], choose: random.Random) -> str:
    """A row as one of the many texts that JSON has for it."""
    style = choose.randrange(4)
    if style == 0:
        return json.dumps(row)
    if style == 1:
        return json.dumps(row, ensure_ascii=False, separators=(",", ":"))
    if style == 2:
        return json.dumps(row, separators=(" , ", " \t: "))
    text = json.dumps(row)
    # Escapes only inside of strings that hold no escape yet.
    return re.sub(r'"[^"\\]*"', lambda found: '"' + escaped(found[0][1:-1], choose) + '"', text)


def hostile_drop(drop: Path, values: list[Any], choose: random.Random) -> None:
    """Every value in every kind of place."""
    lines: list[str] = []
    for number, value in enumerate(values):
        rows = [
            event(number * 10, metadata={"note": value}),
            event(number * 10 + 1, user_agent=value if isinstance(value, str) else json.dumps(value)),
            event(number * 10 + 2, extra_key=value, other={"deep": [{"er": value}]}),
            event(number * 10 + 3, auth_tier=value, auth_method=value),
            event(number * 10 + 4, created_at="never", more=value, metadata={"note": value}),
            event(number * 10 + 5, event_type=value),
            event(number * 10 + 6, ip_prefix=value),
            event(number * 10 + 7, actor=value, metadata=json.dumps({"note": value})),
            event(number * 10 + 8, event_id=value),
        ]
        if isinstance(value, str):
            rows.append(event(number * 10 + 9) | {value: 1, "metadata": {value: {value: value}}})
            rows.append(event(number * 10 + 9, ip_prefix=f"anonymous:{value}"))
        lines += [spelt(row, choose) for row in rows]
        lines += [spelt(row, choose)[: -choose.randrange(1, 30)] for row in rows[:3]]
    put(drop, "registry/events/hostile.ndjson", "\n".join(lines) + "\n")
    texts = [value if isinstance(value, str) else json.dumps(value) for value in values]
    cells = io.StringIO()
    writer = csv.writer(cells)
    writer.writerow(["event_id", "created_at", "event_type", "actor", "user_agent", "metadata", "unknown"])
    for number, text in enumerate(texts):
        given = [f"csv{number}", "2026-02-01", "search:metrics", text, text, json.dumps({"a": text}), text]
        writer.writerow(given)
        writer.writerow([*given, text])
        writer.writerow([text, text, text])
    put(drop, "registry/events/hostile.csv", cells.getvalue())
    sink = pa.BufferOutputStream()
    names = ("event_id", "user_agent", "auth_tier", "unknown", "actor")
    columns = {name: pa.array(texts) for name in names}
    size = len(texts)
    columns["event_id"] = pa.array([f"parquet{number}" for number in range(size)])
    columns |= {"created_at": pa.array(["2026-02-01"] * size), "event_type": pa.array(["search:metrics"] * size)}
    pq.write_table(pa.table(columns), sink)
    put(drop, "registry/events/hostile.parquet", sink.getvalue().to_pybytes())
    put(drop, "registry/accounts/hostile.ndjson", "\n".join(
        json.dumps({"account_id": f"a{number}", "kind": choose.choice(["individual", "team", text]),
                    "name": text if text.startswith(("{", '"')) else f"Acme {text}",
                    "is_internal": choose.choice([True, text])})
        for number, text in enumerate(texts)) + "\n")  # fmt: skip
    put(drop, "billing/stripe_events/hostile.ndjson", "\n".join(
        json.dumps({"id": f"evt_{number}", "type": "invoice.paid", "created": choose.choice([1769940000, text]),
                    "data": {"object": {"id": text, "metadata": {"account_id": text, text: text}, text: text}}})
        for number, text in enumerate(texts)) + "\n")  # fmt: skip
    put(drop, "github/archive_events/hostile.ndjson", "\n".join(
        json.dumps({"id": str(number), "type": "PushEvent", "created_at": "2021-01-01T00:00:00Z", "actor": text,
                    "repo": {"id": 7, "name": "acme/thing"}, "payload": {"ref": text, "commits": [{"message": text}]}})
        for number, text in enumerate(texts)) + "\n")  # fmt: skip
    # Refused files: their errors quote nothing of them.
    put(drop, "registry/teams/broken.ndjson", "\n".join(texts) + "\n")
    put(drop, "registry/teams/header.csv", ",".join(f'"{text}"' for text in texts[:3]).replace("\n", " ") + "\n1,2,3\n")
    put(drop, "registry/skills/bytes.ndjson", json.dumps({"x": texts}).encode() + b"\xff\n")
    put(drop, "reference/holidays.csv", f'day,name\n"{texts[0]}","{texts[0]}"\n'.replace("\\", "/"))
    put(drop, f"registry/events/{MARK}@example.com.ndjson", [event(1)])
    put(drop, f"registry/events/of ghp_{MARK}0123456789/x.ndjson", [event(1)])


def leaks(where: str, text: str) -> list[str]:
    found = [text[max(0, at.start() - 60) : at.end() + 60] for at in re.finditer(rf"{MARK}|{ADDRESS.pattern}", text)]
    return [f"{where}: {piece}" for piece in found][:3]


def scan(settings: Settings) -> list[str]:
    """Every place of the warehouse and its home that has a secret in it."""
    found: list[str] = []
    with open_warehouse(settings) as warehouse, warehouse.write() as writer:
        tables = writer.fetch(
            "select table_schema, table_name from information_schema.tables "
            "where table_schema not in ('information_schema', 'pg_catalog')"
        )
        rows = 0
        for table in tables:
            name = f'"{table["table_schema"]}"."{table["table_name"]}"'
            for row in writer.fetch(f"select * from {name}"):
                rows += 1
                found += leaks(name, json.dumps(row, default=str, ensure_ascii=False))
                found += leaks(name, json.dumps(row, default=str, ensure_ascii=False).replace("\\\\u00", "\\u00"))
        assert rows > 10
        if warehouse.engine == "duckdb":
            writer.execute("checkpoint")
    for path in sorted(settings.home.rglob("*")):
        if path.is_file():
            found += leaks(str(path), path.read_bytes().decode("latin-1"))
            found += leaks(str(path), path.name)
    return found


def hide_and_seek(settings: Settings, drop: Path, values: list[Any], seed: int) -> None:
    hostile_drop(drop, values, random.Random(seed))
    with open_warehouse(settings) as warehouse:
        report = import_drop(warehouse, drop, as_of=AS_OF)
    assert sum(load.rows_loaded for load in report.loads) >= len(values)
    assert leaks("report", repr(report)) == []
    assert scan(settings) == []


EVERY = [
    *PIECES,
    *ADDRESSES,
    *(f"line one\n{piece}\tend" for piece in PIECES + ADDRESSES),
    *({key: f"Robert {MARK}"} for key in KEYS + PERSONS),
    *(json.dumps({key: f"Robert {MARK}"}) for key in KEYS + PERSONS),
    *(json.dumps(json.dumps({"note": piece})) for piece in PIECES),
    *(f"see {json.dumps([json.dumps({key: f'Robert {MARK}'})])} there" for key in KEYS + PERSONS),
]


def test_each_known_kind_of_secret_is_in_no_table_and_no_file(engine_settings: Settings, tmp_path: Path) -> None:
    hide_and_seek(engine_settings, tmp_path / "drop", EVERY, 7)


@hypothesis_settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(HOSTILE, min_size=20, max_size=60), seed=st.integers(0, 1000))
def test_whatever_is_made_of_secrets_is_in_no_table_and_no_file(values: list[Any], seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(home=Path(folder) / "home", secret="a key for tests only")
        hide_and_seek(settings, Path(folder) / "drop", values, seed)


@pytest.mark.long
@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(values=st.lists(HOSTILE, min_size=20, max_size=60), seed=st.integers(0, 1000))
def test_whatever_is_made_of_secrets_is_in_no_table_and_no_file_at_length(values: list[Any], seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        settings = load_settings(home=Path(folder) / "home", secret="a key for tests only")
        hide_and_seek(settings, Path(folder) / "drop", values, seed)


@pytest.mark.parametrize("flag", [[], ["--json"]])
def test_the_command_says_nothing_that_a_file_hid(tmp_path: Path, flag: list[str]) -> None:
    drop, home = tmp_path / "drop", tmp_path / "home"
    hostile_drop(drop, list(EVERY), random.Random(7))
    put(drop, f"status/{MARK}@example.com.log", "x") if not flag else None
    done = subprocess.run(
        [sys.executable, "-m", "orchestration.cli", "import", "--drop", str(drop), "--home", str(home), *flag]
        if (ROOT / "orchestration/__main__.py").exists()
        else [sys.executable, "-c", "import sys; from orchestration.cli import main; main(sys.argv[1:])",
              "import", "--drop", str(drop), "--home", str(home), *flag],
        env={**os.environ, "PYTHONPATH": str(ROOT), "SKILLSMITH_SECRET": "a key for tests only"},
        capture_output=True,
        text=True,
        timeout=120,
    )  # fmt: skip

    assert done.returncode in (1, 2), done.stderr
    assert "error: " in done.stderr
    assert leaks("output", done.stdout + done.stderr) == []
    assert "a key for tests only" not in done.stdout + done.stderr


def test_without_a_key_an_import_refuses_before_it_touches_anything(tmp_path: Path) -> None:
    put(tmp_path / "drop", "registry/events/x.ndjson", [event(1)])
    with (
        open_warehouse(load_settings(home=tmp_path / "home")) as warehouse,
        pytest.raises(UsageError, match="SKILLSMITH_SECRET"),
    ):
        import_drop(warehouse, tmp_path / "drop", as_of=AS_OF)

    assert not (tmp_path / "home").exists()


def test_without_a_key_an_import_makes_no_table_on_a_server(tmp_path: Path, postgres_settings: Settings) -> None:
    put(tmp_path / "drop", "registry/events/x.ndjson", [event(1)])
    url = postgres_settings.warehouse_url
    assert url is not None
    keyless = load_settings(home=tmp_path / "home", warehouse_url=url.get_secret_value())
    with open_warehouse(keyless) as warehouse, pytest.raises(SkillsmithError, match="SKILLSMITH_SECRET"):
        import_drop(warehouse, tmp_path / "drop", as_of=AS_OF)

    import psycopg

    with psycopg.connect(url.get_secret_value()) as connection:
        made = connection.execute("select count(*) from information_schema.schemata where schema_name = 'raw'")
        assert made.fetchone() == (0,)


def test_the_demo_makes_a_key_of_its_own_that_nobody_else_may_read(tmp_path: Path) -> None:
    put(tmp_path / "drop", "registry/events/x.ndjson", [event(1)])
    settings = load_settings(home=tmp_path / "home", demo=True)
    with open_warehouse(settings) as warehouse:
        import_drop(warehouse, tmp_path / "drop", as_of=AS_OF)

    assert (tmp_path / "home" / "secret").stat().st_mode & 0o777 == 0o600


def test_another_key_makes_other_persons_of_the_same_rows(tmp_path: Path) -> None:
    put(tmp_path / "drop", "registry/events/x.ndjson", [event(1), event(2), event(3, actor="person-2")])
    persons = []
    for key in ("the old key", "the new key"):
        with open_warehouse(load_settings(home=tmp_path / key, secret=key)) as warehouse:
            import_drop(warehouse, tmp_path / "drop", as_of=AS_OF)
            with warehouse.write() as writer:
                rows = writer.fetch("select event_id, actor_key from raw.registry_events order by event_id")
                persons.append([row["actor_key"] for row in rows])
    assert not set(persons[0]) & set(persons[1])
    # The same rows belong together under either.
    assert [[keys[0] == keys[1], keys[1] == keys[2]] for keys in persons] == [[True, False], [True, False]]
