"""Executive: is revenue where the plan wants it, what moved it, and do we keep our service levels."""

from collections import Counter
from collections.abc import Sequence
from datetime import date
from typing import Any

import streamlit as st

from dashboards import data
from dashboards.components import banners, charts, definitions, formats, sections, selection, tables, tiles
from dashboards.components.definitions import Trust
from dashboards.components.tiles import Tile
from dashboards.viewers import Looking
from warehouse.errors import AccessError

SEGMENTS = {"total": "All", "individual": "Individual", "team": "Team", "enterprise": "Enterprise", "oem": "OEM"}
MOVEMENTS = {
    "new_cents": ("New", 1),
    "expansion_cents": ("Expansion", 1),
    "reactivation_cents": ("Reactivation", 1),
    "contraction_cents": ("Contraction", -1),
    "churn_cents": ("Churn", -1),
}
OBJECTIVES = {
    "availability": "Availability of requests",
    "latency_p50": "Requests under 100 ms",
    "latency_p99": "Requests under 500 ms",
    "error_rate": "Requests without error",
}
STATES = {"ok": "✔ On target", "at risk": "▲ At risk", "breached": "✖ Breached", "no data": "○ No data"}


def show(looking: Looking) -> None:
    """The page; sections that the viewer's role may not read say so."""
    st.title("Executive")
    trust = definitions.load(looking.viewer)
    try:
        _revenue(looking, trust)
    except AccessError:
        banners.not_yours("Revenue", "executives")
    try:
        _service(looking, trust)
    except AccessError:
        banners.not_yours("Service levels", "executives and data engineers")


def _revenue(looking: Looking, trust: Trust) -> None:
    plan = data.query("arr_plan", looking.viewer)
    total = data.query("mrr_bridge", looking.viewer, segment="total")
    if not total:
        st.subheader("Annual recurring revenue")
        banners.nothing(
            "No revenue yet.", "It appears with the first paying month, once `billing/stripe_events` are imported."
        )
    else:
        tiles.row(trust, _revenue_tiles(plan, total), key="revenue")
    if plan:
        st.subheader("ARR against plan")
        with sections.values(trust, "plan", "arr_plan"):
            chart = _plan(plan)
        sections.foot(
            trust,
            plan,
            "arr_plan",
            ("arr_plan", "actual_arr_cents"),
            ("arr_plan", "required_monthly_growth"),
            drawn={"ARR against plan": chart},
        )
    if total:
        _bridge(looking, trust)


def _plan(plan: Sequence[data.Row]) -> charts.Chart:
    left, right = st.columns([3, 2], gap="medium")
    with left:
        chart = charts.show(
            charts.plan([{**row, "actual_text": _actual(row)} for row in plan]),
            "; ".join(
                f"{formats.quarter(row['quarter'])}: actual {_actual(row)}, "
                f"plan {formats.dollars(row['planned_arr_cents'])}"
                for row in plan
            ),
            key="plan",
        )
    with right:
        tables.show(
            plan,
            {
                "quarter": ("Quarter", formats.quarter),
                "planned_arr_cents": ("Plan", formats.dollars),
                "actual_arr_cents": ("Actual", formats.dollars),
                "variance_cents": ("Variance", formats.signed_dollars),
                "actual_month": ("Actual of", formats.month),
            },
        )
    return chart


def _last_month(quarter: date) -> date:
    return quarter.replace(month=quarter.month + 2)


def _actual(row: data.Row) -> str:
    """What was reached, and in which month where the quarter is not over."""
    reached, month = formats.dollars(row["actual_arr_cents"]), row.get("actual_month")
    if month is None or formats.is_missing(month) or month >= _last_month(row["quarter"]):
        return reached
    return f"{reached} in {month:%b}"


def _revenue_tiles(plan: Sequence[data.Row], months: Sequence[data.Row]) -> list[Tile]:
    now = months[-1]
    before = months[-2] if len(months) > 1 else None
    quarters = [row for row in plan if not formats.is_missing(row["actual_arr_cents"])]
    shown = [
        Tile(
            label="Annual recurring revenue",
            value=formats.dollars(now["arr_cents"]),
            details=[
                f"at the end of {formats.month(now['month'])}, 12 × MRR, which is "
                f"{formats.dollars(now['closing_cents'])} rounded"
            ],
            entries=[("mrr_bridge", "arr_cents")],
            change=None if before is None else formats.signed_dollars(now["arr_cents"] - before["arr_cents"]),
            versus="vs the month before",
            series=[float(row["arr_cents"]) / 100 for row in months],
        ),
        Tile(
            label="Paying accounts",
            value=formats.count(now["accounts"]),
            details=[f"with **{formats.counted(now['seats'], 'seat')}**"],
            entries=[("mrr_bridge", "accounts"), ("mrr_bridge", "seats")],
            change=None if before is None else formats.signed(now["accounts"] - before["accounts"]),
            versus="vs the month before",
            series=[float(row["accounts"]) for row in months],
        ),
    ]
    if quarters:
        row = quarters[-1]
        growth = row["required_monthly_growth"]
        shown.append(
            Tile(
                label=f"Against plan, {formats.quarter(row['quarter'])}",
                value=formats.signed_dollars(row["variance_cents"]),
                details=[
                    f"{_actual(row)} of **{formats.dollars(row['planned_arr_cents'])} planned** for the quarter's end",
                    "The quarter is over, or nothing grows to the plan from zero"
                    if formats.is_missing(growth)
                    else f"The plan needs **{formats.share(growth, 1)}** growth a month",
                ],
                entries=[("arr_plan", "variance_cents"), ("arr_plan", "required_monthly_growth")],
                no_change="Variance to the plan; it has no earlier period",
            )
        )
    return shown


def _bridge(looking: Looking, trust: Trust) -> None:
    st.subheader("What moved monthly recurring revenue")
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        with st.container(width="content"):
            segment = selection.choose(
                "Segment", "segment", list(SEGMENTS), default="total", text=SEGMENTS.__getitem__, kind="buttons"
            )
        bridge = data.query("mrr_bridge", looking.viewer, segment=segment)
        months = {f"{value:%Y-%m}": formats.month(value) for value in (row["month"] for row in reversed(bridge))}
        with st.container(width=180):
            chosen = selection.choose(
                "Month", "month", list(months), default=next(iter(months)), text=months.__getitem__
            )
    selection.on_paper(f"{months[chosen]}, segment {SEGMENTS[segment]}; the table has every month of this segment.")
    row = next(row for row in bridge if f"{row['month']:%Y-%m}" == chosen)
    steps: list[tuple[str, Any, bool]] = [("Opening", row["opening_cents"], True)]
    steps += [(name, sign * row[column], False) for column, (name, sign) in MOVEMENTS.items()]
    if segment != "total":
        steps.append(("Transfer", row["transfer_cents"], False))
    steps.append(("Closing", row["closing_cents"], True))
    told = "; ".join(f"{name} {formats.dollars(cents)}" for name, cents, _ in steps)
    headings = {"month": ("Month", formats.month), "opening_cents": ("Opening", formats.dollars)}
    headings |= {
        column: (name, formats.signed_dollars if sign > 0 else _minus) for column, (name, sign) in MOVEMENTS.items()
    }
    if segment != "total":
        headings["transfer_cents"] = ("Transfer", formats.signed_dollars)
    headings |= {
        "closing_cents": ("Closing", formats.dollars),
        "arr_cents": ("ARR", formats.dollars),
        "accounts": ("Accounts", formats.count),
        "seats": ("Seats", formats.count),
    }
    newest_first = bridge[::-1]
    with sections.values(trust, "bridge", "mrr_bridge"):
        chart = charts.show(charts.waterfall(steps), f"MRR bridge of {months[chosen]}: {told}", key="bridge")
        st.caption(
            "Green adds, red takes away, grey is where the month opened and closed; the amounts carry their signs. The "
            "axis spans the month's moves and need not begin at zero. Dollars are whole, each amount rounded by "
            "itself."
        )
        tables.show(newest_first, headings, height=None if len(bridge) < 9 else 360)
    sections.foot(
        trust,
        newest_first,
        f"mrr_bridge_{segment}",
        *(("mrr_bridge", column) for column in MOVEMENTS),
        drawn={"What moved monthly recurring revenue": chart},
    )


def _minus(cents: Any) -> str:
    return formats.signed_dollars(cents if formats.is_missing(cents) else -cents)


def _service(looking: Looking, trust: Trust) -> None:
    slo = data.query("slo_status", looking.viewer)
    st.subheader("Service level objectives, the last 30 days")
    if not slo:
        banners.nothing("No objective is measured yet.", "They appear once `registry/api_requests` are imported.")
    else:
        with sections.values(trust, "slo", "slo_status"):
            tables.show(
                [
                    {
                        **row,
                        "measured": formats.share_beside(row["sli"], row["target"], 2),
                        "counted": f"{formats.count(row['good'])} / {formats.count(row['valid'])}",
                    }
                    for row in slo
                ],
                {
                    "objective": ("Objective", lambda value: OBJECTIVES.get(str(value), str(value))),
                    "state": ("State", lambda value: STATES.get(str(value).lower(), str(value))),
                    "target": ("Target", formats.exact_share),
                    "measured": ("Measured", str),
                    "counted": ("Good / valid", str),
                    "budget_left": ("Budget left", formats.share),
                    "burn_1h": ("Burn 1 h", _times),
                    "burn_6h": ("Burn 6 h", _times),
                    "burn_1d": ("Burn 1 d", _times),
                    "burn_3d": ("Burn 3 d", _times),
                    "coverage": ("Covered", formats.share),
                },
            )
        st.caption(
            "Burn is how many times as fast as the budget allows it was spent, in the last hours or days before the "
            f"snapshot's time. A state or a burn is no data where less than 90{formats.THIN}% of its minutes were "
            "watched, or where nothing valid was asked; what is measured is then of those that were."
        )
        meant = ("budget_left", "burn_1h", "burn_6h", "burn_1d", "burn_3d", "coverage")
        sections.foot(trust, slo, "slo_status", *(("slo_status", column) for column in meant))
    st.subheader("Availability by component")
    days = data.query("availability", looking.viewer)
    if not days:
        banners.nothing("No component is checked yet.", "Days appear once `status/checks` are imported.")
        return
    down: Counter[str] = Counter()
    for row in days:
        down[row["component"]] += row["down_minutes"] or 0
    first, last = (formats.day(end([row["day"] for row in days])) for end in (min, max))
    with sections.values(trust, "availability", "availability_daily"):
        chart = charts.show(
            charts.availability_strip(days),
            f"Uptime by component, {first} to {last}: "
            + "; ".join(f"{name} down {formats.count(minutes)} minutes" for name, minutes in down.items()),
            key="availability",
        )
    st.caption(
        f"{first} to {last}, UTC days. Each mark is in the legend; a day without one was up all day. Days less than "
        f"90{formats.THIN}% covered are no data."
    )
    sections.foot(
        trust,
        days,
        "availability_daily",
        ("availability_daily", "uptime"),
        drawn={"Availability by component": chart},
        about=f"{first} to {last}, UTC days",
    )


def _times(burn: Any) -> str:
    return formats.NO_DATA if formats.is_missing(burn) else f"{formats.decimal(burn, 1)}×"
