"""What a deployment may decide without touching code: prices, targets, components, assumptions, plans.

Columns are those of the dbt seeds that carry the defaults; a delivered file replaces its default whole, and
every delivery is kept as a version.
"""

from ingest.contracts.contract import Column, Contract

_TRIANGULAR = ("low", "mode", "high")


def _reference(
    name: str, description: str, *columns: Column, rising: tuple[str, ...] = (), told_once: tuple[str, ...] = ()
) -> Contract:
    return Contract(
        "reference", name, description, key=(), columns=columns, is_reference=True, rising=rising, told_once=told_once
    )


CONTRACTS: tuple[Contract, ...] = (
    _reference(
        "price_book",
        "List prices, one row per tier and billing period.",
        Column("tier", "text", "individual, team, enterprise or oem", is_required=True),
        Column("billing_period", "text", "monthly or annual", is_required=True, allowed=("monthly", "annual")),
        Column(
            "seat_price_cents", "bigint", "US cents for one seat and one billing period", is_required=True, minimum=0
        ),
        Column("source", "text", "Where the number comes from"),
    ),
    _reference(
        "quota_book",
        "Billable calls a tier includes per month; empty while no quota is decided.",
        Column("tier", "text", "Tier", is_required=True),
        Column("monthly_calls", "bigint", "Billable calls included per account and month; NULL = no quota decided"),
    ),
    _reference(
        "tier_aliases",
        "Tier names of other systems, mapped to ours.",
        Column("system", "text", "System that uses the name", is_required=True),
        Column("alias", "text", "Name there", is_required=True),
        Column("tier", "text", "Name here", is_required=True),
    ),
    _reference(
        "sla_tiers",
        "What each SLA tier promises (roadmap, M10).",
        Column("sla_tier", "text", "standard, professional, premium or mission_critical", is_required=True),
        Column(
            "uptime_target", "double", "Promised share of minutes up in a month", is_required=True, minimum=0, maximum=1
        ),
        Column("response_minutes", "bigint", "Minutes to the first human reply"),
        Column("uplift", "double", "Price premium as a share of fees; NULL = agreed per contract"),
    ),
    _reference(
        "sla_credit_bands",
        "Share of the month's fees credited for an uptime in [from, to); no gap, no overlap.",
        Column("contract_version", "text", "Schedule the band belongs to", is_required=True),
        Column("from", "double", "Lowest uptime of the band, inclusive", is_required=True, minimum=0, maximum=1),
        Column("to", "double", "Highest uptime of the band, exclusive", is_required=True, minimum=0, maximum=1),
        Column(
            "credit_share",
            "double",
            "Share of the month's fees, SLA uplift included",
            is_required=True,
            minimum=0,
            maximum=1,
        ),
        Column(
            "cap",
            "double",
            "Most that a month can credit, as a share of its fees",
            is_required=True,
            minimum=0,
            maximum=1,
        ),
    ),
    _reference(
        "slo_objectives",
        "Service level objectives as shares of valid requests (roadmap, M3), with the value that alerts.",
        Column("objective", "text", "Name", is_required=True),
        Column(
            "indicator",
            "text",
            "not_bad = share not bad; faster_than = share not bad and faster than threshold_ms",
            is_required=True,
            allowed=("not_bad", "faster_than"),
        ),
        Column("threshold_ms", "bigint", "Bound of faster_than, in milliseconds (50, 75, 100, 200, 500 or 1000)"),
        Column("target", "double", "Share that must be good", is_required=True, minimum=0, maximum=1),
        Column("alert_value", "double", "The roadmap's alert threshold"),
        Column("alert_unit", "text", "Unit of alert_value"),
    ),
    _reference(
        "components",
        "Status components: how often each is probed, how long a probe result holds, and which API routes it serves.",
        Column("component", "text", "Component, as the status page names it", is_required=True),
        Column("check_interval_minutes", "bigint", "Minutes between two checks of one probe", minimum=1),
        Column("hold_minutes", "bigint", "Most minutes for which one result counts", is_required=True, minimum=1),
        Column("in_sla", "boolean", "Counts towards the contractual uptime"),
        Column("routes", "text", "API routes it serves, separated by |; empty = none"),
    ),
    _reference(
        "time_saved_assumptions",
        "Minutes one successful use saves: a triangular distribution with its evidence.",
        Column("assumption_set", "text", "Set the row belongs to", is_required=True),
        Column("skill_name", "text", "author/name, a bare name, or * for every other skill", is_required=True),
        Column("low", "double", "Minutes, lowest; may be negative", is_required=True),
        Column("mode", "double", "Minutes, most likely", is_required=True),
        Column("high", "double", "Minutes, highest", is_required=True),
        Column(
            "grade",
            "text",
            "experiment, diary, survey or assumed",
            is_required=True,
            allowed=("experiment", "diary", "survey", "assumed"),
        ),
        Column("source", "text", "Evidence"),
        Column("valid_from", "date", "First day the row is in force", is_required=True),
        rising=_TRIANGULAR,
    ),
    _reference(
        "time_saved_factors",
        "Shares common to all skills: how much of the result is kept, and how much would not have happened anyway.",
        Column("assumption_set", "text", "Set the row belongs to", is_required=True),
        Column("factor", "text", "kept or incremental", is_required=True, allowed=("kept", "incremental")),
        Column("low", "double", "Share, lowest", is_required=True, minimum=0, maximum=1),
        Column("mode", "double", "Share, most likely", is_required=True, minimum=0, maximum=1),
        Column("high", "double", "Share, highest", is_required=True, minimum=0, maximum=1),
        rising=_TRIANGULAR,
    ),
    _reference(
        "time_value",
        "What an hour saved is worth to an account; no money figure is made for one that has not set both numbers. The "
        "newest row whose valid_from has come is in force, also where it takes a number back.",
        Column("account_id", "text", "The account that has set it", is_required=True),
        Column("valid_from", "date", "First day the row is in force", is_required=True),
        Column(
            "hourly_rate_cents",
            "bigint",
            "US cents that an hour of work costs the account; empty = not set",
            minimum=1,
            # 100,000 dollars an hour: beyond it, somebody took a unit for another.
            maximum=10_000_000,
        ),
        Column(
            "recapture_share",
            "double",
            "Share of the saved hours that is put to other use, above 0 and at most 1; empty = not set",
            above=0,
            maximum=1,
        ),
        Column("source", "text", "Where the numbers come from"),
        told_once=("account_id", "valid_from"),
    ),
    _reference(
        "revenue_policy",
        "Choices a revenue page can show side by side.",
        Column("policy", "text", "Name", is_required=True),
        Column(
            "reactivation_gap_days",
            "bigint",
            "A gap longer than this counts as new, not reactivation; NULL = any gap reactivates",
        ),
        Column("churn_at", "text", "cancel or period_end", allowed=("cancel", "period_end")),
        Column("blips_counted", "boolean", "In-and-out within one month counts as new and churn"),
    ),
    _reference(
        "plan_revenue",
        "Revenue plan per quarter as the roadmap prints it (Revenue Projections).",
        Column("quarter", "date", "First day of the quarter", is_required=True),
        Column("free_users", "bigint", "Free users at the end of the quarter"),
        Column("team_seats", "bigint", "Team users at the end of the quarter"),
        Column("enterprise_seats", "bigint", "Enterprise seats at the end of the quarter"),
        Column("arr_cents", "bigint", "Annual recurring revenue, US cents, as printed"),
    ),
    _reference(
        "plan_targets",
        "Success metrics per quarter (roadmap). `printed` keeps the roadmap's word where it is not a number.",
        Column("metric", "text", "Metric", is_required=True),
        Column("family", "text", "product, business or engineering", is_required=True),
        Column("quarter", "date", "First day of the quarter", is_required=True),
        Column("target", "double", "Target in unit; NULL = none set, or not a number"),
        Column("unit", "text", "Unit of target"),
        Column("direction", "text", "at_least or at_most", allowed=("at_least", "at_most")),
        Column("printed", "text", "The roadmap's word where the target is not a plain number"),
    ),
    _reference(
        "plan_costs",
        "Cost plan per quarter and category (roadmap, Cost Projections).",
        Column("quarter", "date", "First day of the quarter", is_required=True),
        Column("category", "text", "salaries, infrastructure, tools, marketing or legal", is_required=True),
        Column("amount_cents", "bigint", "US cents for the quarter", is_required=True),
    ),
    _reference(
        "break_even_cases",
        "Break-even scenarios (roadmap); where a scenario names alternatives, each is a row.",
        Column("scenario", "text", "conservative, base_case or optimistic", is_required=True),
        Column("alternative", "bigint", "1, 2: a scenario holds when any of its alternatives does"),
        Column("team_seats", "bigint", "Paying Team users"),
        Column("enterprise_seats", "bigint", "Paying Enterprise seats"),
        Column("monthly_burn_cents", "bigint", "US cents a month"),
        Column("break_even_quarter", "date", "First day of the quarter the roadmap names"),
    ),
    _reference(
        "quality_weights",
        "Weights of the skill quality signals (roadmap, M8).",
        Column("signal", "text", "Signal", is_required=True),
        Column("weight", "double", "Share of the score; they add up to 1", is_required=True, minimum=0, maximum=1),
    ),
    _reference(
        "quality_bands",
        "Quality tiers as half-open bands [from_score, to_score) of 0 to 100.",
        Column("tier", "text", "Tier", is_required=True),
        Column("from_score", "double", "Lowest score, inclusive", is_required=True),
        Column("to_score", "double", "Highest score, exclusive (100 itself belongs to the top tier)", is_required=True),
        Column("rank", "bigint", "1 = best"),
    ),
    _reference(
        "partner_tiers",
        "Rules of the partner tiers (roadmap, M12).",
        Column("partner_tier", "text", "Tier", is_required=True),
        Column("minimum_skills", "bigint", "Published skills needed"),
        Column("requires_training", "boolean", "Completed training needed"),
        Column("minimum_revenue_cents", "bigint", "Revenue needed, US cents"),
        Column("requires_integration", "boolean", "Platform integration needed"),
        Column("share_rate", "double", "Partner's share of sales; NULL = none or by contract"),
    ),
    _reference(
        "tracked_repositories",
        "Repositories watched besides those of the registry; empty by default.",
        Column("repository", "text", "owner/name", is_required=True),
        Column("reason", "text", "Why it is watched"),
    ),
    _reference(
        "annotations",
        "Notes that charts print at a day.",
        Column("day", "date", "UTC day", is_required=True),
        Column("scope", "text", "What it concerns: events, skills, ...", is_required=True),
        Column("text", "text", "Note", is_required=True),
    ),
    _reference(
        "holidays",
        "Days that do not count as working days; empty by default.",
        Column("day", "date", "Day", is_required=True),
        Column("name", "text", "Name", is_required=True),
    ),
    _reference(
        "scraper_rules",
        "From which day on an actor or address is a scraper for a day, and all its events of that day are left out.",
        Column("more_than_searches", "bigint", "Searches in the day, more than", is_required=True, minimum=0),
        Column(
            "more_than_percent",
            "bigint",
            "Share of them that fill a page, more than so many per cent",
            is_required=True,
            minimum=0,
            maximum=100,
        ),
        Column("page_sizes", "text", "Numbers of results that fill a page, separated by |", is_required=True),
        Column("valid_from", "date", "First UTC day the rule is in force", is_required=True),
    ),
)
