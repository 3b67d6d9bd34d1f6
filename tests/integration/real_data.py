"""Real input as a drop folder, and the small sample of it that is committed.

The files that `SKILLSMITH_REAL_DATA` names come from elsewhere, in their own shapes (data/PROVENANCE.md lists
them). `write_drop` turns them into the shapes of a drop folder and changes nothing else: rows without a name stay
rows, so that the import has to say what it does with them. The committed sample has the same files and shapes,
fewer rows and nobody's name; `python -m tests.integration.real_data FOLDER` derives it anew from the originals.
"""

import csv
import gzip
import io
import json
import re
import shutil
import sys
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SAMPLE = Path(__file__).parent / "data"
SKILLS = "skills.csv.gz"
ARCHIVE = "gharchive_2014_2021_sample.json.gz"
UPTIME = "uptime_koj_checks.csv.gz"
REPOSITORIES = {"obra__superpowers": "obra/superpowers", "wshobson__agents": "wshobson/agents"}

# Checks were written down when the state changed and about once a day, so a result has to hold for longer than that.
HOLD_MINUTES = 3 * 24 * 60


@dataclass(frozen=True, slots=True)
class Facts:
    """What the files hold, counted by hand (zcat FILE | wc -l and the like), not by the code under test."""

    skill_rows: int
    unnamed_skills: int
    events: int
    events_without_id: int
    commits: int
    pull_requests: int
    tags: int
    checks: int

    @property
    def skills(self) -> int:
        """Rows that can land: (owner_repo, name) is unique among the named."""
        return self.skill_rows - self.unnamed_skills


REAL_FACTS = Facts(9_717, 637, 1_304, 140, 1_234, 1_377, 33, 3_373)
SAMPLE_FACTS = Facts(120, 20, 80, 20, 60, 60, 33, 95)


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a gzipped CSV file."""
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def skill_id(owner_repo: str, name: str) -> str:
    """The UUIDv5 of `owner/repo` and the skill's name, which together are unique."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{owner_repo}/{name}"))


def write_drop(source: Path, drop: Path) -> None:
    """Write everything in `source` as a drop folder; raises FileNotFoundError where a file is missing."""
    write_status(source, drop)
    _write(drop, "registry/skills", (_skill(row) for row in rows_of(source / SKILLS)))
    for slug, repository in REPOSITORIES.items():
        commits = rows_of(source / f"git_{slug}_commits.csv.gz")
        _write(drop, "github/commits", (_commit(repository, row) for row in commits), slug)
        pulls = rows_of(source / f"git_{slug}_pulls.csv.gz")
        _write(drop, "github/pull_requests", (_pull_request(repository, row) for row in pulls), slug)
        tags = source / f"git_{slug}_tags.csv.gz"
        if tags.exists():
            releases = ({"repository_id": repository, **_only(row, "tag", "created_at")} for row in rows_of(tags))
            _write(drop, "github/releases", releases, slug)
    archive = drop / "github" / "archive_events"
    archive.mkdir(parents=True, exist_ok=True)
    # Byte for byte as it was archived; the door has to cope with both shapes and with what people wrote.
    shutil.copyfile(source / ARCHIVE, archive / "sample.ndjson.gz")


def write_status(source: Path, drop: Path) -> None:
    """Write the uptime checks and the components they name."""
    checks = rows_of(source / UPTIME)
    _write(drop, "status/checks", (_check(row) for row in checks))
    components = (
        {
            "component": component,
            "check_interval_minutes": 5,
            "hold_minutes": HOLD_MINUTES,
            "in_sla": False,
            "routes": None,
        }
        for component in sorted({row["slug"] for row in checks})
    )
    _write(drop, "reference/components", components)


def _skill(row: dict[str, str]) -> dict[str, Any]:
    name, owner_repo = row["name"], row["owner_repo"]
    author = owner_repo.split("/")[0]
    return {
        # A row without a name has no id, which is for the import to notice.
        "skill_id": skill_id(owner_repo, name) if name else None,
        "skill_name": f"{author}/{name}" if name else None,
        "author": author,
        "repo_url": f"https://github.com/{owner_repo}",
        "categories": [row["category"]] if row["category"] else [],
        "tags": row["tags"].split("|") if row["tags"] else [],
        "stars": int(row["stars"]) if row["stars"] else None,
        "visibility": "public",
    }


def _commit(repository: str, row: dict[str, str]) -> dict[str, Any]:
    return {
        "repository_id": repository,
        **_only(row, "sha", "authored_at", "committed_at"),
        "author": row["author_hash"] or None,
        "is_bot": row["is_bot"] == "1",
    }


def _pull_request(repository: str, row: dict[str, str]) -> dict[str, Any]:
    """Merged and open are read from refs; when it was opened or merged the refs do not say, so those stay absent."""
    is_merged = row["head_is_ancestor_of_default"] == "1" or row["merged_as_commit"] != ""
    state = "merged" if is_merged else "open" if row["has_merge_ref_open"] == "1" else "closed"
    return {
        "repository_id": repository,
        "number": int(row["pr_number"]),
        "state": state,
        "author": row["head_author_hash"] or None,
    }


def _check(row: dict[str, str]) -> dict[str, Any]:
    status = {"up": "operational", "down": "outage", "degraded": "degraded"}[row["status"]]
    return {
        "component": row["slug"],
        "checked_at": row["checked_at"],
        "probe": "external",
        "status": status,
        # A site that does not answer has no latency; the source writes 0.
        "latency_ms": float(row["response_ms"]) if status != "outage" else None,
    }


def _only(row: dict[str, str], *names: str) -> dict[str, str]:
    return {name: row[name] for name in names}


def _write(drop: Path, entity: str, rows: Iterable[dict[str, Any]], name: str = "real") -> None:
    folder = drop / entity
    folder.mkdir(parents=True, exist_ok=True)
    _gzip(folder / f"{name}.ndjson.gz", "".join(json.dumps(row) + "\n" for row in rows))


def _gzip(path: Path, text: str) -> None:
    # Without name and time, so that the same rows are the same bytes.
    with path.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(text.encode())


# --- the committed sample ------------------------------------------------------------------------------------


def derive_sample(source: Path, out: Path) -> None:
    """Write the committed sample: the first rows of each kind, with every person and text replaced."""
    out.mkdir(parents=True, exist_ok=True)
    skills = rows_of(source / SKILLS)
    named = [row for row in skills if row["name"]][:100]
    unnamed = [row for row in skills if not row["name"]][:20]
    _csv(out / SKILLS, named + unnamed)
    people = _Pseudonyms()
    for slug in REPOSITORIES:
        commits = rows_of(source / f"git_{slug}_commits.csv.gz")[:30]
        _csv(out / f"git_{slug}_commits.csv.gz", [row | {"author_hash": people(row["author_hash"])} for row in commits])
        pulls = rows_of(source / f"git_{slug}_pulls.csv.gz")[:30]
        pulls = [row | {"head_author_hash": people(row["head_author_hash"])} for row in pulls]
        _csv(out / f"git_{slug}_pulls.csv.gz", pulls)
        tags = source / f"git_{slug}_tags.csv.gz"
        if tags.exists():
            _csv(out / tags.name, rows_of(tags))
    _csv(out / UPTIME, [row for row in rows_of(source / UPTIME) if row["slug"] == "test-broken-site"])
    with gzip.open(source / ARCHIVE, "rt", encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    old = [event for event in events if "id" not in event][:20]
    new = [event for event in events if "id" in event][::19][:60]
    lines = [json.dumps(_without_people(event, people)) + "\n" for event in old + new]
    _gzip(out / ARCHIVE, "".join(lines))


class _Pseudonyms:
    """Numbers in place of persons, in the order met."""

    def __init__(self) -> None:
        self.seen: dict[str, str] = {}

    def __call__(self, person: str) -> str:
        return self.seen.setdefault(person, f"person-{len(self.seen) + 1:03}") if person else ""


_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")
_WORDS = {"type", "action", "ref_type", "state"}
_COMMITS = {"sha", "head", "before", "merge_commit_sha", "shas"}
_PEOPLE = {"actor", "login", "display_login", "user", "owner"}


def _without_people(event: dict[str, Any], people: _Pseudonyms) -> dict[str, Any]:
    """The event's own keys and numbers; of its texts only times, words of GitHub's own and hashes of commits.

    Where a person's name or address stood there is an invented one, so that the door still has it to remove.
    """

    def clean(value: Any, key: str) -> Any:
        if isinstance(value, dict):
            return {name: clean(inner, name) for name, inner in value.items()}
        if isinstance(value, list):
            return [clean(inner, key) for inner in value]
        if key == "id" and value is not None:
            # Ids of persons and of repositories alike become ordinals; only equality matters.
            ordinal = people(f"id {value}").removeprefix("person-")
            return ordinal if isinstance(value, str) else int(ordinal)
        return clean_text(value, key) if isinstance(value, str) else value

    def clean_text(value: str, key: str) -> str:
        if key in _WORDS or _TIME.fullmatch(value) or (key in _COMMITS and re.fullmatch(r"[0-9a-f]{40}", value)):
            return value
        if key in _PEOPLE:
            return people(value)
        if key == "email" or (key == "shas" and "@" in value):
            return "somebody@example.org"
        if key in {"name", "full_name"} and "/" in value:
            return people(value.split("/")[0]) + "/repository"
        return "Some Body" if key == "name" else "text"

    return clean(event, "")


def _csv(path: Path, rows: list[dict[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    _gzip(path, text.getvalue())


def names_in(source: Path) -> Iterator[str]:
    """Every login, name and address that the archive's events carry; none may reach the warehouse.

    Short ones are left out: `me` stands in any text.
    """
    with gzip.open(source / ARCHIVE, "rt", encoding="utf-8") as file:
        events = [json.loads(line) for line in file]
    for event in events:
        actor = event["actor"]
        yield from (actor["login"],) if isinstance(actor, dict) else (actor,)
        yield event.get("actor_attributes", {}).get("email", "")
        for commit in event["payload"].get("commits", ()):
            yield commit["author"]["email"]
        for sha in event["payload"].get("shas", ()):
            yield sha[1]


if __name__ == "__main__":
    derive_sample(Path(sys.argv[1]), SAMPLE)
