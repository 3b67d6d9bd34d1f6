"""What is published: every table a reader may see, its key, and who may see which of its rows.

One entry a table serves both engines: publishing writes the difference by `key`, row access filters by
`scope`. A model under dbt_project/models/metrics/ is published once it has an entry here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Scope = Literal["team", "account", "skill", "company", "money", "service", "trust", "reference", "operations", "person"]
"""Who may see a table's rows.

team: rows of the viewer's teams, small groups hidden. account: rows of the viewer's accounts. skill: figures over
all accounts, of the skills that a team of the viewer uses or used, small groups hidden. company: anyone signed in.
money: executives. service: executives and data engineers; a row whose account_id is not `*` also only to viewers of
that account. trust: anyone. reference: anyone. operations: data engineers. person: rows of the viewer's own actor_key,
whatever their role.
"""


@dataclass(frozen=True, slots=True)
class PublishedTable:
    """One published table: where the build puts it, under which name it is read, its key and its scope."""

    name: str
    key: tuple[str, ...]
    scope: Scope
    source_schema: str = "build"
    schema: str = "metrics"

    @property
    def qualified(self) -> str:
        """`schema.table`, as readers write it."""
        return f"{self.schema}.{self.name}"

    @property
    def source(self) -> str:
        """`schema.table` in the build place."""
        return f"{self.source_schema}.{self.name}"

    def dated_by(self, columns: Mapping[str, str]) -> str | None:
        """The column of the key that is the day a row is about, of `columns` (with their types); None without one.

        A `day` that is no date is a number of days.
        """
        return next((name for name in ("period_end", "day") if name in self.key and is_date(columns, name)), None)


def is_date(columns: Mapping[str, str], name: str) -> bool:
    """Whether a column is there, of `columns` with their types, and is a date."""
    return columns.get(name, "").lower() == "date"


PUBLISHED: tuple[PublishedTable, ...] = (
    PublishedTable("accounts", ("account_id",), "account"),
    PublishedTable("teams", ("team_id",), "team"),
    PublishedTable("team_skill_usage", ("team_id", "skill_name", "period_end", "period_days"), "team"),
    PublishedTable("team_installed_skills", ("team_id", "skill_name", "period_end"), "team"),
    PublishedTable(
        "team_skill_breakdown", ("team_id", "skill_name", "period_end", "period_days", "breakdown", "value"), "team"
    ),
    PublishedTable("team_activity", ("team_id", "period_end", "period_days"), "team"),
    PublishedTable("excluded_events", ("team_id", "rule", "period_end", "period_days"), "team"),
    PublishedTable("account_activity", ("account_id", "period_end", "period_days"), "account"),
    PublishedTable(
        "team_time_saved_uses", ("team_id", "period_end", "period_days", "assumption_set", "assumption_name"), "team"
    ),
    PublishedTable("team_time_saved", ("team_id", "period_end", "period_days", "assumption_set"), "team"),
    PublishedTable("team_recommendations", ("team_id", "period_end", "period_days", "surface", "model"), "team"),
    PublishedTable("usage_targets", ("table_name", "column_name", "quarter"), "reference"),
    PublishedTable("team_onboarding", ("team_id", "cohort_month", "day"), "team"),
    PublishedTable("team_onboarding_summary", ("team_id", "cohort_month"), "team"),
    PublishedTable("skill_suggestions", ("team_id", "skill_name"), "team"),
    PublishedTable("skill_pairs", ("skill_name", "paired_skill_name"), "company"),
    PublishedTable("skill_retention", ("skill_name", "cohort_week", "weeks_later"), "skill"),
    PublishedTable("skill_retention_curve", ("skill_name", "weeks_later"), "skill"),
    PublishedTable("skill_quality", ("skill_name", "as_of"), "skill"),
    PublishedTable("quality_scale", ("part", "name"), "reference"),
    PublishedTable("mrr_by_account", ("account_id", "month"), "money"),
    PublishedTable("mrr_bridge", ("month", "segment"), "money"),
    PublishedTable("arr_plan", ("quarter",), "money"),
    PublishedTable("availability_daily", ("component", "account_id", "day"), "service"),
    PublishedTable("slo_status", ("objective", "account_id", "as_of"), "service"),
    PublishedTable("table_health", ("table_name",), "trust"),
    PublishedTable("metric_definitions", ("table_name", "column_name"), "reference"),
    PublishedTable("assumptions", ("assumption_set", "skill_name", "valid_from"), "reference"),
    PublishedTable("import_ledger", ("load_id",), "operations", "raw", "ops"),
    PublishedTable("import_gaps", ("gap_id",), "operations", "ops", "ops"),
    PublishedTable("quarantine_counts", ("source", "entity", "file_name", "reason"), "operations", "build", "ops"),
    PublishedTable(
        "check_results", ("build_id", "check_name", "table_name", "column_name"), "operations", "ops", "ops"
    ),
)
"""`metrics.snapshot` and `metrics.restatements` are written by publishing itself."""

PEOPLE: tuple[PublishedTable, ...] = (
    PublishedTable("fct_skill_days", ("team_id", "actor_key", "skill_name", "day"), "person", "marts", "marts"),
    PublishedTable("fct_person_windows", ("actor_key", "skill_name", "period_days"), "person", "marts", "marts"),
    PublishedTable("dim_team_members", ("team_id", "actor_key", "joined_at"), "person", "marts", "marts"),
)
"""Person-level tables, in a file of their own: a person's own page, never on a page for others."""


def published_table(name: str) -> PublishedTable | None:
    """The entry of `name` (with or without its schema), or None."""
    for table in PUBLISHED + PEOPLE:
        if name in (table.name, table.qualified):
            return table
    return None
