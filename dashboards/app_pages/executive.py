"""Executive: is revenue where the plan wants it, what moved it, and do we keep our service levels."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboards import data
from dashboards.components import banners, charts, definitions, downloads, formats, selection, tables, tiles
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
    if total.empty:
        st.subheader("Annual recurring revenue")
        banners.nothing(
            "No revenue yet.", "It appears with the first paying month, once `billing/stripe_events` are imported."
        )
    else:
        tiles.row(trust, _revenue_tiles(plan, total), key="revenue")
    if not plan.empty:
        st.subheader("ARR against plan")
        left, right = st.columns([3, 2], gap="medium")
        with left:
            charts.show(
                charts.plan(plan),
                "; ".join(
                    f"{formats.quarter(row['quarter'])}: actual {formats.dollars(row['actual_arr_cents'])}, "
                    f"plan {formats.dollars(row['planned_arr_cents'])}"
                    for row in plan.to_dict("records")
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
                },
            )
        _foot(trust, plan, "arr_plan", ("arr_plan", "actual_arr_cents"), ("arr_plan", "required_monthly_growth"))
    if not total.empty:
        _bridge(looking, trust)


def _revenue_tiles(plan: pd.DataFrame, total: pd.DataFrame) -> list[Tile]:
    months = total.to_dict("records")
    now = months[-1]
    before = months[-2] if len(months) > 1 else None
    quarters = [row for row in plan.to_dict("records") if not formats.is_missing(row["actual_arr_cents"])]
    shown = [
        Tile(
            label="Annual recurring revenue",
            value=formats.dollars(now["arr_cents"]),
            details=[
                f"at the end of {formats.month(now['month'])}, 12 × MRR of {formats.dollars(now['closing_cents'])}"
            ],
            entries=[("mrr_bridge", "arr_cents")],
            change=None if before is None else formats.signed_dollars(now["arr_cents"] - before["arr_cents"]),
            versus="vs the month before",
            series=[float(row["arr_cents"]) / 100 for row in months],
        ),
        Tile(
            label="Paying accounts",
            value=formats.count(now["accounts"]),
            details=[f"with **{formats.count(now['seats'])} seats**"],
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
                    f"{formats.dollars(row['actual_arr_cents'])} of "
                    f"**{formats.dollars(row['planned_arr_cents'])} planned**",
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
        months = {f"{value:%Y-%m}": formats.month(value) for value in reversed(list(bridge["month"]))}
        with st.container(width=180):
            chosen = selection.choose(
                "Month", "month", list(months), default=next(iter(months)), text=months.__getitem__
            )
    row = next(row for row in bridge.to_dict("records") if f"{row['month']:%Y-%m}" == chosen)
    steps: list[tuple[str, Any, bool]] = [("Opening", row["opening_cents"], True)]
    steps += [(name, sign * row[column], False) for column, (name, sign) in MOVEMENTS.items()]
    if segment != "total":
        steps.append(("Transfer", row["transfer_cents"], False))
    steps.append(("Closing", row["closing_cents"], True))
    charts.show(
        charts.waterfall(steps),
        f"MRR bridge of {months[chosen]}: " + "; ".join(f"{name} {formats.dollars(cents)}" for name, cents, _ in steps),
        key="bridge",
    )
    st.caption("Green adds, red takes away, grey stands on the ground; the amounts carry their signs.")
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
    newest_first = bridge.iloc[::-1]
    tables.show(newest_first, headings, height=None if len(bridge) < 9 else 360)
    _foot(trust, newest_first, f"mrr_bridge_{segment}", ("mrr_bridge", ""))


def _minus(cents: Any) -> str:
    return formats.signed_dollars(cents if formats.is_missing(cents) else -cents)


def _service(looking: Looking, trust: Trust) -> None:
    st.subheader("Service level objectives, the last 30 days")
    slo = data.query("slo_status", looking.viewer)
    if slo.empty:
        banners.nothing("No objective is measured yet.", "They appear once `registry/api_requests` are imported.")
    else:
        tables.show(
            slo.assign(
                counted=[
                    f"{formats.count(g)} / {formats.count(v)}" for g, v in zip(slo["good"], slo["valid"], strict=True)
                ]
            ),
            {
                "objective": ("Objective", lambda value: OBJECTIVES.get(str(value), str(value))),
                "state": ("State", lambda value: STATES.get(str(value).lower(), str(value))),
                "target": ("Target", lambda value: formats.share(value, 1)),
                "sli": ("Measured", lambda value: formats.share(value, 2)),
                "counted": ("Good / valid", str),
                "budget_left": ("Budget left", formats.share),
                "burn_1h": ("Burn 1 h", lambda value: _times(value)),
                "burn_6h": ("Burn 6 h", lambda value: _times(value)),
                "burn_1d": ("Burn 1 d", lambda value: _times(value)),
                "burn_3d": ("Burn 3 d", lambda value: _times(value)),
                "coverage": ("Covered", formats.share),
            },
        )
        _foot(trust, slo, "slo_status", ("slo_status", ""))
    st.subheader("Availability by component")
    days = data.query("availability", looking.viewer)
    if days.empty:
        banners.nothing("No component is checked yet.", "Days appear once `status/checks` are imported.")
        return
    charts.show(
        charts.availability_strip(days),
        "Uptime by component over 30 days: "
        + "; ".join(
            f"{name} down {formats.count(rows['down_minutes'].sum())} minutes"
            for name, rows in days.groupby("component")
        ),
        key="availability",
    )
    st.caption("A dot marks a day with down minutes. Days less than 90 % covered count as no data.")
    _foot(trust, days, "availability_daily", ("availability_daily", "uptime"))


def _times(burn: Any) -> str:
    return formats.NO_DATA if formats.is_missing(burn) else f"{formats.decimal(burn, 1)}×"


def _foot(trust: Trust, rows: pd.DataFrame, name: str, *entries: tuple[str, str]) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        definitions.show_badge(trust, *(table for table, _ in entries))
        definitions.popover(trust, "Definition", *entries, key=f"define_{name}")
        downloads.csv(rows, name, trust, *(table for table, _ in entries))
        st.caption(f"Data until {definitions.until(trust, *(table for table, _ in entries))}", width="content")
