"""A small world of build tables, made by hand, for tests of publishing and reading."""

import random
from collections import Counter
from datetime import UTC, date, datetime, timedelta

import pyarrow as pa

from warehouse import Warehouse
from warehouse.published import PEOPLE, PUBLISHED
from warehouse.tables import ColumnSpec, ColumnType, TableSpec

AS_OF = datetime(2026, 3, 10, 6, tzinfo=UTC)
DAY = date(2026, 3, 9)
COMMON: dict[str, ColumnType] = {"definition_version": "text", "computed_at": "timestamp"}

TEAMS = {"red": ("acme", 10, 4), "blue": ("acme", 20, 1), "tiny": ("acme", 3, 2), "gold": ("zeta", 8, 7)}
"""Team: account, seats, active users."""

SHAPES: dict[str, dict[str, ColumnType]] = {
    "accounts": {"account_id": "text", "account_name": "text"},
    "teams": {"team_id": "text", "account_id": "text", "team_name": "text"},
    "team_activity": {
        "account_id": "text",
        "team_id": "text",
        "period_end": "date",
        "period_days": "bigint",
        "seats": "bigint",
        "active_users": "bigint",
        "adoption_rate": "double",
        "adoption_low": "double",
        "adoption_high": "double",
        "installed_skills": "bigint",
        "mean_skill_adoption": "double",
        "uses": "bigint",
        "successes": "bigint",
        "stickiness": "double",
        "new_users": "bigint",
        "returning_users": "bigint",
        "resurrected_users": "bigint",
        "dormant_users": "bigint",
        "previous_active_users": "bigint",
        "previous_adoption_rate": "double",
        "is_provisional": "boolean",
    },
    "team_skill_usage": {
        "account_id": "text",
        "team_id": "text",
        "skill_name": "text",
        "period_end": "date",
        "period_days": "bigint",
        "users": "bigint",
        "people": "bigint",
        "seats": "bigint",
        "adoption_rate": "double",
        "uses": "bigint",
        "successes": "bigint",
        "failures": "bigint",
        "unknown": "bigint",
        "success_rate": "double",
        "is_provisional": "boolean",
    },
    "team_installed_skills": {
        "account_id": "text",
        "team_id": "text",
        "skill_name": "text",
        "period_end": "date",
        "seats": "bigint",
        "installed_people": "bigint",
        "used_within_days": "bigint",
    },
    "team_skill_breakdown": {
        "account_id": "text",
        "team_id": "text",
        "skill_name": "text",
        "period_end": "date",
        "period_days": "bigint",
        "breakdown": "text",
        "value": "text",
        "seats": "bigint",
        "people": "bigint",
        "events": "bigint",
        "people_alone": "bigint",
    },
    "excluded_events": {
        "team_id": "text",
        "rule": "text",
        "period_end": "date",
        "period_days": "bigint",
        "events": "bigint",
    },
    "account_activity": {
        "account_id": "text",
        "period_end": "date",
        "period_days": "bigint",
        "seats": "bigint",
        "active_users": "bigint",
        "adoption_rate": "double",
        "uses": "bigint",
    },
    "team_time_saved": {
        "account_id": "text",
        "team_id": "text",
        "period_end": "date",
        "period_days": "bigint",
        "assumption_set": "text",
        "hours_p50": "double",
        "value_cents_p50": "bigint",
        "hourly_rate_cents": "bigint",
        "recapture_share": "double",
        "value_valid_from": "date",
    },
    "team_time_saved_uses": {
        "account_id": "text",
        "team_id": "text",
        "period_end": "date",
        "period_days": "bigint",
        "assumption_set": "text",
        "assumption_name": "text",
        "successes": "bigint",
        "failures": "bigint",
        "fewest_users": "bigint",
    },
    "team_onboarding": {
        "account_id": "text",
        "team_id": "text",
        "cohort_month": "date",
        "day": "bigint",
        "seats": "bigint",
        "adopters": "bigint",
        "adopted_share": "double",
        "last_seen": "bigint",
        "fewest_last_seen": "bigint",
    },
    "team_onboarding_summary": {
        "account_id": "text",
        "team_id": "text",
        "cohort_month": "date",
        "seats": "bigint",
        "adopters": "bigint",
        "median_days": "bigint",
        "adopters_median": "bigint",
        "people_30": "bigint",
    },
    "skill_retention": {
        "skill_name": "text",
        "cohort_week": "date",
        "weeks_later": "bigint",
        "users": "bigint",
        "retained_users": "bigint",
        "retention_rate": "double",
    },
    "skill_retention_curve": {
        "skill_name": "text",
        "weeks_later": "bigint",
        "cohorts": "bigint",
        "users": "bigint",
        "retained_users": "bigint",
        "retention_rate": "double",
    },
    "skill_quality": {"skill_name": "text", "as_of": "date", "score": "double"},
    "quality_scale": {"part": "text", "name": "text", "weight": "double"},
    "skill_suggestions": {
        "account_id": "text",
        "team_id": "text",
        "skill_name": "text",
        "rank": "bigint",
        "score": "double",
        "model": "text",
        "reason": "text",
        "seats": "bigint",
        "active_users": "bigint",
    },
    "skill_pairs": {"skill_name": "text", "paired_skill_name": "text", "people": "bigint"},
    "team_recommendations": {
        "account_id": "text",
        "team_id": "text",
        "period_end": "date",
        "period_days": "bigint",
        "surface": "text",
        "model": "text",
        "seats": "bigint",
        "shown": "bigint",
        "installed": "bigint",
        "least_people_shown": "bigint",
        "least_people_clicked": "bigint",
        "least_people_installed": "bigint",
        "least_people_holdout": "bigint",
        "is_open": "boolean",
        "is_provisional": "boolean",
    },
    "usage_targets": {"table_name": "text", "column_name": "text", "quarter": "date", "target": "double"},
    "mrr_by_account": {"account_id": "text", "month": "date", "mrr_cents": "bigint"},
    "mrr_bridge": {"month": "date", "segment": "text", "closing_cents": "bigint"},
    "arr_plan": {"quarter": "date", "planned_arr_cents": "bigint"},
    "availability_daily": {"component": "text", "account_id": "text", "day": "date", "down_minutes": "bigint"},
    "slo_status": {"objective": "text", "account_id": "text", "as_of": "timestamp", "sli": "double"},
    "table_health": {"table_name": "text", "data_until": "timestamp", "badge": "text"},
    "metric_definitions": {"table_name": "text", "column_name": "text", "label": "text", "definition": "text"},
    "assumptions": {"assumption_set": "text", "skill_name": "text", "valid_from": "date", "mode": "double"},
    "quarantine_counts": {"source": "text", "entity": "text", "file_name": "text", "reason": "text", "rows": "bigint"},
    "fct_skill_days": {
        "account_id": "text",
        "team_id": "text",
        "actor_key": "text",
        "skill_name": "text",
        "day": "date",
        "uses": "bigint",
    },
    "fct_person_windows": {
        "actor_key": "text",
        "skill_name": "text",
        "period_end": "date",
        "period_days": "bigint",
        "uses": "bigint",
    },
    "dim_team_members": {"team_id": "text", "actor_key": "text", "joined_at": "timestamp"},
}


def _breakdowns() -> dict[tuple[str, str], dict[str, Counter[str]]]:
    """Who stands behind each value, and how often: two skills by hand, and fifty as they fall."""
    dice = random.Random(5)
    found = {
        # p alone is behind two of the codes.
        ("review", "install_error"): {
            "FETCH_FAILED": Counter(p=2, q=1, r=2),
            "SCAN_REJECTED": Counter(p=7),
            "UNKNOWN": Counter(p=2),
        },
        # Two people are alone behind one each.
        ("docs", "install_error"): {
            "FETCH_FAILED": Counter(p=2, r=2),
            "SCAN_REJECTED": Counter(p=7),
            "UNKNOWN": Counter(q=2),
        },
        ("review", "sdk_version"): {"1.4.2": Counter(p=3, q=2), "unknown": Counter(q=1, r=5)},
        ("docs", "sdk_version"): {"1.4.2": Counter(p=3, q=2, r=1), "unknown": Counter(p=4)},
        ("review", "uninstalled"): {"*": Counter(p=2)},
        ("docs", "uninstalled"): {"*": Counter(p=2, q=1)},
    }
    for number in range(50):
        people = "pqrstu"[: dice.randrange(1, 7)]
        found[f"skill {number}", "install_error"] = {
            f"CODE_{code}": Counter({who: dice.randrange(1, 4) for who in dice.sample(people, min(size, len(people)))})
            for code, size in enumerate(dice.choices((1, 1, 2, 3, 5), k=dice.randrange(1, 6)))
        }
    return found


def alone_behind(values: dict[str, Counter[str]]) -> set[str]:
    """Those who are the only one behind a value."""
    return {who for value, people in values.items() if value != "*" and len(people) == 1 for who in people}


BREAKDOWNS = _breakdowns()


def rows_of(name: str, mark: int) -> list[dict]:
    """Rows of a build table; `mark` is a number that stands in every table, so that a mix would show."""
    if name == "accounts":
        return [{"account_id": a, "account_name": a.title()} for a in ("acme", "zeta")]
    if name == "teams":
        return [{"team_id": t, "account_id": a, "team_name": t} for t, (a, _, _) in TEAMS.items()]
    if name == "team_activity":
        return [
            {
                "account_id": account,
                "team_id": team,
                "period_end": DAY,
                "period_days": 7,
                "seats": seats,
                "active_users": active,
                "adoption_rate": active / seats,
                "adoption_low": 0.01,
                "adoption_high": 0.99,
                "installed_skills": 2,
                "mean_skill_adoption": (active + 2) / (2 * seats),
                "uses": mark,
                "successes": mark,
                "stickiness": 0.5,
                "new_users": active - 2 if active > 2 else 0,
                "returning_users": min(active, 2),
                "resurrected_users": 0,
                "dormant_users": 2,
                "previous_active_users": min(active, 2) + 2,
                "previous_adoption_rate": (min(active, 2) + 2) / seats,
                "is_provisional": False,
            }
            for team, (account, seats, active) in TEAMS.items()
        ]
    if name == "team_skill_usage":
        return [
            {
                "account_id": account,
                "team_id": team,
                "skill_name": skill,
                "period_end": DAY,
                "period_days": 7,
                "users": users,
                "people": users,
                "seats": seats,
                "adoption_rate": users / seats,
                "uses": mark,
                "successes": mark,
                "failures": 0,
                "unknown": 0,
                "success_rate": 1.0,
                "is_provisional": False,
            }
            for team, (account, seats, active) in TEAMS.items()
            for skill, users in (("docs", active), ("review", 2))
        ]
    if name == "team_installed_skills":
        return [
            {
                "account_id": account,
                "team_id": team,
                "skill_name": skill,
                "period_end": DAY,
                "seats": seats,
                "installed_people": people,
                "used_within_days": 28,
            }
            for team, (account, seats, _) in TEAMS.items()
            for skill, people in (("docs", 1), ("review", 2), ("test", seats - 1))
        ]
    if name == "team_skill_breakdown":
        return [
            {
                "account_id": TEAMS[team][0],
                "team_id": team,
                "skill_name": skill,
                "period_end": DAY,
                "period_days": 7,
                "breakdown": breakdown,
                "value": value,
                "seats": TEAMS[team][1],
                "people": len(people),
                "events": sum(people.values()),
                "people_alone": len(alone_behind(values)),
            }
            for team in TEAMS
            for (skill, breakdown), values in BREAKDOWNS.items()
            for value, people in (values | {"*": sum(values.values(), Counter())}).items()
        ]
    if name == "excluded_events":
        return [
            {"team_id": team, "rule": "bot", "period_end": DAY, "period_days": 7, "events": mark}
            for team in ("*", "tiny", "gold")
        ]
    if name == "account_activity":
        return [
            {
                "account_id": account,
                "period_end": DAY,
                "period_days": 7,
                "seats": seats,
                "active_users": active,
                "adoption_rate": active / seats,
                "uses": mark,
            }
            for account, seats, active in (("acme", 33, 7), ("zeta", 8, 7))
        ]
    if name == "team_time_saved":
        return [
            {
                "account_id": account,
                "team_id": team,
                "period_end": DAY,
                "period_days": 7,
                "assumption_set": "default",
                "hours_p50": float(mark),
                # Of two accounts one has set what an hour is worth.
                "value_cents_p50": mark * 6_000 // 2 if account == "acme" else None,
                "hourly_rate_cents": 6_000 if account == "acme" else None,
                "recapture_share": 0.5 if account == "acme" else None,
                "value_valid_from": date(2026, 1, 1) if account == "acme" else None,
            }
            for team, (account, _, _) in TEAMS.items()
        ]
    if name == "skill_retention":
        return [
            {
                "skill_name": skill,
                "cohort_week": date(2026, 1, 5),
                "weeks_later": later,
                "users": users,
                "retained_users": retained,
                "retention_rate": None if retained is None else retained / users,
            }
            for skill, later, users, retained in (
                ("docs", 1, 6, 3),
                ("docs", 2, 6, 5),
                ("docs", 12, 6, None),
                ("review", 1, 4, 2),
                ("elsewhere", 1, 9, 5),
            )
        ]
    if name == "skill_retention_curve":
        return [
            {
                "skill_name": skill,
                "weeks_later": later,
                "cohorts": 2,
                "users": users,
                "retained_users": retained,
                "retention_rate": retained / users,
            }
            for skill, later, users, retained in (("docs", 1, 12, 3), ("docs", 2, 12, 11), ("elsewhere", 1, 9, 5))
        ]
    if name == "team_time_saved_uses":
        return [
            {
                "account_id": account,
                "team_id": team,
                "period_end": DAY,
                "period_days": 7,
                "assumption_set": "default",
                "assumption_name": skill,
                "successes": mark,
                "failures": 0,
                "fewest_users": 1 if team == "gold" else 2,
            }
            for team, (account, _, _) in TEAMS.items()
            for skill in ("*", "docs")
        ]
    if name == "skill_suggestions":
        return [
            {
                "account_id": account,
                "team_id": team,
                "skill_name": "plan",
                "rank": 1,
                "score": float(mark),
                "model": "collaborative",
                "reason": "used by 7 of 9 people who also use docs",
                "seats": seats,
                "active_users": active,
            }
            for team, (account, seats, active) in TEAMS.items()
        ]
    if name == "skill_pairs":
        return [{"skill_name": "docs", "paired_skill_name": "review", "people": mark}]
    if name == "team_recommendations":
        # One person installed all that came of the web to team red; team blue is followed to the end.
        return [
            {
                "account_id": "acme",
                "team_id": team,
                "period_end": DAY,
                "period_days": 7,
                "surface": surface,
                "model": "*",
                "seats": TEAMS[team][1],
                "shown": 40 if surface == "*" else 20,
                "installed": mark,
                "least_people_shown": 4,
                "least_people_clicked": 3 + mark,
                "least_people_installed": 1 if (team, surface) == ("red", "web") else 4,
                "least_people_holdout": None,
                "is_open": team == "red",
                "is_provisional": False,
            }
            for team in ("red", "blue")
            for surface in ("*", "cli", "web")
        ]
    if name == "mrr_by_account":
        return [{"account_id": "acme", "month": date(2026, 1, 1), "mrr_cents": mark}]
    if name == "mrr_bridge":
        return [{"month": date(2026, month, 1), "segment": "total", "closing_cents": mark} for month in (1, 2, 3)]
    if name == "availability_daily":
        return [
            {"component": "api", "account_id": account, "day": DAY, "down_minutes": mark}
            for account in ("*", "acme", "zeta")
        ]
    if name == "table_health":
        return [{"table_name": "raw.registry_events", "data_until": datetime(2026, 3, 9, 23), "badge": str(mark)}]
    if name == "fct_skill_days":
        return [
            {
                "account_id": "acme",
                "team_id": "red",
                "actor_key": key,
                "skill_name": "docs",
                "day": DAY,
                "uses": mark,
            }
            for key in ("k1", "k2")
        ]
    if name == "fct_person_windows":
        return [
            {"actor_key": key, "skill_name": "*", "period_end": DAY, "period_days": 7, "uses": mark}
            for key in ("k1", "k2")
        ]
    if name == "dim_team_members":
        return [{"team_id": "red", "actor_key": key, "joined_at": datetime(2026, 1, 5)} for key in ("k1", "k2")]
    return []


def build(warehouse: Warehouse, build_id: str, mark: int = 1, *, status: str = "passed", version: str = "1") -> None:
    """Put a whole build in place, with one blocking check of that status."""
    with warehouse.write() as writer:
        for table in PUBLISHED + PEOPLE:
            if table.name not in SHAPES:
                continue
            columns = {**SHAPES[table.name], **COMMON}
            spec = TableSpec(
                table.source_schema, table.name, tuple(ColumnSpec(n, t) for n, t in columns.items()), table.key
            )
            types = {"text": pa.string(), "bigint": pa.int64(), "double": pa.float64(), "boolean": pa.bool_()}
            types |= {"date": pa.date32(), "timestamp": pa.timestamp("us")}
            # As in a real build, what is made again says another time: publishing compares by it.
            computed_at = AS_OF + timedelta(seconds=mark)
            made = {"definition_version": version, "computed_at": computed_at}
            rows = [{**row, **made} for row in rows_of(table.name, mark)]
            writer.replace(
                spec,
                pa.table({n: pa.array([row.get(n) for row in rows], types[t]) for n, t in columns.items()}),
            )
        check(writer, build_id, status)


def check(writer, build_id: str, status: str, severity: str = "blocking", border: str = "metrics") -> None:
    """Record one check of a build."""
    writer.append(
        "ops.check_results",
        [
            {
                "build_id": build_id,
                "check_name": "shares_are_shares" if severity == "blocking" else "freshness",
                "border": border,
                "table_name": "build.team_activity",
                "column_name": "adoption_rate",
                "severity": severity,
                "status": status,
                "reason": "a share above 1 means a join went wrong",
                "checked_at": AS_OF,
            }
        ],
    )
