"""Recommendations: what becomes of the skills that a team is shown, and whether showing them makes a difference."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import streamlit as st

from dashboards import data
from dashboards.app_pages import recommendations_over_time
from dashboards.components import (
    banners,
    behind,
    charts,
    definitions,
    formats,
    periods,
    sections,
    tables,
    targets,
    teams,
    tiles,
)
from dashboards.components.behind import Part
from dashboards.components.definitions import Trust
from dashboards.components.recommended import ALL, TABLE, called, is_hidden, of_shown
from dashboards.components.tiles import Tile
from dashboards.viewers import Looking

OPEN = "Still open"
NO_FIGURE = "No comparison: one of the two periods has no such figure"


@dataclass(frozen=True, slots=True)
class _Step:
    """One step of the funnel: columns of its count, of the share of the step before and of what was shown.

    entered: the count that `previous` is of, and what to call it; shown: the count that `of_shown` is of; reached: what
    of the step before is in it; open: what may still reach the step, as a count or as a difference of two; dropped: why
    somebody who entered is not in it.
    """

    name: str
    count: str
    previous: str | None
    entered: tuple[str, str]
    of_shown: str | None
    shown: str
    reached: str
    dropped: str
    open: tuple[str, ...]
    open_until: str


STEPS = (
    _Step("Shown", "shown", None, ("shown", ""), None, "shown", "shown", "", ("censored",), "day 7"),
    _Step(
        "Clicked", "clicked", "click", ("shown", "shown"), "click", "shown", "clicked",
        "Not clicked by day 7", (), "",
    ),
    _Step(
        "Installed", "installed", "conversion", ("clicked", "clicked"), "acceptance", "shown", "clicked_installed",
        "Clicked, not installed by day 7", (), "",
    ),
    _Step(
        "Activated", "activated", "activation", ("installed_14", "installed"), "activated_of_shown", "shown_14",
        "activated", "Installed, no success by day 14", ("installed", "installed_14"), "day 14",
    ),
    _Step(
        "Retained", "retained", "retained_of_activated", ("activated_30", "activated"), "retained_of_shown", "shown_30",
        "retained", "Activated, not used on days 15 to 30", ("activated", "activated_30"), "day 30",
    ),
)  # fmt: skip


def show(looking: Looking) -> None:
    """The page, for the teams of this viewer."""
    st.title("Recommendations")
    with st.container(horizontal=True, vertical_alignment="top", gap="small"):
        team = teams.choose(looking)
        if team is None:
            return
        period_days = periods.choose_days()
        ends = data.query("team_period_ends", looking.viewer, team_id=team.team_id, period_days=period_days)
        end = periods.choose_end(ends, period_days) if ends else None
    if end is None:
        banners.nothing(
            f"No data for {team.label} yet.",
            "Figures appear after the first day on which somebody is seated in the team and a refresh has run.",
        )
        return
    chosen = {"team_id": team.team_id, "period_days": period_days, "period_end": str(end)}
    rows = data.query("recommendations", looking.viewer, **chosen)
    total = next((row for row in rows if row["surface"] == row["model"] == ALL), None)
    periods.line(end, period_days, total or {})
    if total is None:
        banners.nothing(
            f"Nothing was recommended to {team.label} in this period.",
            "Choose a longer period, or an earlier end. A skill counts from the day on which it is first shown.",
        )
        return
    if total.get("is_suppressed"):
        banners.few_people(total["seats"])
        return
    trust = definitions.load(looking.viewer)
    over_time = data.query("recommendations_over_time", looking.viewer, surface=ALL, model=ALL, **chosen)
    target = targets.find(looking.viewer, TABLE, "acceptance_rate", end)
    _figures(trust, total, over_time, period_days, target)
    _behind(trust, rows, total)
    _funnel(trust, total)
    _breakdowns(trust, rows, total)
    recommendations_over_time.show(looking, trust, chosen)


def _figures(
    trust: Trust, total: data.Row, over_time: Sequence[data.Row], period_days: int, target: data.Row | None
) -> None:
    before_end: date = total["period_end"] - timedelta(days=period_days)
    before = periods.comparable(over_time, before_end)
    interval = (total["acceptance_low"], total["acceptance_high"])

    def tile(label: str, column: str, value: str, details: Sequence[str], **more: str) -> Tile:
        return Tile(
            label=label,
            tag=more.get("tag"),
            target=more.get("target", ""),
            value=value,
            details=details,
            entries=[(TABLE, column)],
            change=periods.difference(total, before, column, formats.points),
            versus=f"vs the {period_days} days before",
            no_change=periods.why_nothing_before(total, periods.row_at(over_time, before_end), NO_FIGURE),
            series=periods.series(over_time, column),
            is_provisional=bool(total["is_provisional"]),
        )

    tiles.row(
        trust,
        [
            tile(
                "Acceptance",
                "acceptance_rate",
                _share(total, "acceptance", "installed", "shown", target["target"] if target else None),
                [
                    _counted(total, "acceptance", "installed", "shown", "shown were installed within 7 days"),
                    *([f"{formats.count(total['censored'])} still open"] if total["censored"] else []),
                ],
                target=targets.line(target, total["acceptance_rate"], interval, formats.exact_share) if target else "",
            ),
            tile("Lift over holdout", "lift", _lift(total), _against_holdout(total), tag="experiment"),
            tile(
                "Activation",
                "activation_rate",
                _share(total, "activation", "activated", "installed_14"),
                [_counted(total, "activation", "activated", "installed_14", "installed succeeded by day 14")],
            ),
            tile(
                "Retained of installed",
                "retention_rate",
                _share(total, "retention", "retained", "installed_30"),
                [_counted(total, "retention", "retained", "installed_30", "installed were used on days 15 to 30")],
            ),
        ],
        key="recommendations",
    )


STEP_COUNTS = {**{step.count: step.name for step in STEPS}, "censored": "Still open"}
OLD_ENOUGH = {"installed_14": "Installed, day 14 over", "installed_30": "Installed, day 30 over"}
WITHHELD = {"holdout_shown": "Withheld", "holdout_installed": "Installed all the same"}


def _behind(trust: Trust, rows: Sequence[data.Row], total: data.Row) -> None:
    """Episodes by surface, by model and by both; what is withheld has no model."""
    by_surface = [row for row in rows if row["surface"] != ALL and row["model"] == ALL]
    by_model = [row for row in rows if row["surface"] == ALL and row["model"] != ALL]
    by_both = [row for row in rows if ALL not in (row["surface"], row["model"])]
    counts = STEP_COUNTS | OLD_ENOUGH
    behind.show(
        trust,
        total,
        f"recommendations_{total['team_id']}_{total['period_end']}",
        [
            _episodes("Episodes by surface", by_surface, total, ("surface",), counts | WITHHELD),
            _episodes("Episodes by model", by_model, total, ("model",), counts),
            _episodes("Episodes by surface and model", by_both, total, ("surface", "model"), counts),
        ],
        TABLE,
        hidden="An episode is one person's, so none is listed by itself.",
    )


def _episodes(title: str, rows: Sequence[data.Row], total: data.Row, by: Sequence[str], counts: dict[str, str]) -> Part:
    return Part(
        title=title,
        rows=rows,
        columns={
            **{column: (column.capitalize(), called) for column in by},
            **{column: (heading, formats.count_or_hidden) for column, heading in counts.items()},
        },
        entries=[(TABLE, column) for column in counts],
        name=f"episodes_by_{'_'.join(by)}_{total['team_id']}_{total['period_end']}",
        note=behind.adds_up(
            rows, total, {column: name.lower() for column, name in counts.items() if column not in OLD_ENOUGH}
        ),
    )


def _share(row: data.Row, rate: str, count: str, base: str, target: Any = None) -> str:
    """A share as text, beside its target; or why there is none: hidden, still open, or nothing that it could be of."""
    if is_hidden(row, count, base):
        return formats.HIDDEN
    if row[base] == 0:
        return OPEN if _may_come(row, base) else formats.NO_DATA
    return formats.share_beside(row[f"{rate}_rate"], target, 1)


def _may_come(row: data.Row, base: str) -> bool:
    """Whether episodes that are open may still be of a base that is 0."""
    return bool(row["censored"] != 0 or (base != "shown" and row["installed"] > 0))


def _counted(row: data.Row, rate: str, count: str, base: str, what: str) -> str:
    if is_hidden(row, count, base):
        return "The exact figure would point at one person"
    if row[base] == 0:
        if not _may_come(row, base):
            return "Nothing of this period was installed"
        if base != "shown" and row["shown"] > 0 and row["installed"] == 0:
            return "Nothing that is 7 days old was installed; what is still open may be"
        return "Nothing of this period is old enough; a longer one may be"
    interval = formats.interval(row[f"{rate}_low"], row[f"{rate}_high"])
    return f"**{formats.count(row[count])}/{formats.count(row[base])}** {what}, 95{formats.THIN}% interval {interval}"


def _lift(row: data.Row) -> str:
    if is_hidden(row, "installed", "holdout_installed"):
        return formats.HIDDEN
    if formats.is_missing(row["lift"]):
        return "Not measured"
    return formats.points(row["lift"])


def _against_holdout(row: data.Row) -> list[str]:
    if is_hidden(row, "installed", "holdout_installed"):
        return ["The exact figure would point at one person"]
    if formats.is_missing(row["lift"]):
        return ["Nothing was withheld in this period, or nothing of it is 7 days old"]
    anyway = (
        f"withheld and installed all the same: **{formats.count(row['holdout_installed'])}/"
        f"{formats.count(row['holdout_shown'])}** ({formats.share(row['holdout_rate'], 1)})"
    )
    low, high = row["lift_low"], row["lift_high"]
    found = "Above 0" if low > 0 else "Below 0" if high < 0 else "**No difference is shown**"
    spread = f"95{formats.THIN}% interval {formats.points_interval(low, high)}"
    return [f"{found}: {spread}", anyway]


def _funnel(trust: Trust, total: data.Row) -> None:
    st.subheader("From shown to used")
    if is_hidden(total, "shown"):
        banners.nothing("Hidden.", "All that was shown was shown to one person.")
        return
    steps = [_told(step, total) for step in STEPS]
    with sections.values(trust, "funnel", TABLE):
        chart = charts.show(
            charts.funnel(steps),
            "Episodes by step: " + "; ".join(f"{step['step']} {step['text']}" for step in steps),
            key="funnel",
        )
    st.caption(
        "An episode is a person, a skill and a surface, from the first time it was shown. A dashed end is still open: "
        "its days for the step are not over, so it counts neither as reached nor as dropped, and a share is of those "
        f"whose days for its step are over. Behind each share its 95{formats.THIN}% interval."
    )
    with sections.values(trust, "steps", TABLE):
        tables.show(
            steps,
            {
                "step": ("Step", str),
                "count": ("Reached", str),
                "of_previous": ("of the step before", str),
                "of_shown": ("of shown", str),
                "dropped": ("Dropped", str),
                "why": ("Why", str),
                "still_open": ("Still open", str),
            },
        )
    if not is_hidden(total, "installed", "clicked_installed") and total["installed"] > total["clicked_installed"]:
        without = total["installed"] - total["clicked_installed"]
        st.caption(
            f"{formats.count(without)} of {formats.count(total['installed'])} were installed without a click. They "
            "count as installed, as they do where nothing was shown; the share of clicked leaves them out."
        )
    sections.foot(
        trust,
        [total],
        f"funnel_{total['team_id']}_{total['period_end']}",
        *((TABLE, column) for column in STEP_COUNTS),
        is_provisional=bool(total["is_provisional"]),
        drawn={"Recommendations, from shown to used": chart},
    )


def _told(step: _Step, total: data.Row) -> dict[str, Any]:
    """One step as the chart and the table print it."""
    entered = total[step.entered[0]]
    is_count_hidden = is_hidden(total, step.count, step.entered[0])
    is_known = not is_count_hidden and not _is_too_young(step, total)
    still_open = 0 if is_count_hidden else _still_open(step, total)
    told = {
        "step": step.name,
        "reached": total[step.count] if is_known else None,
        "open": still_open or 0,
        "count": formats.HIDDEN if is_count_hidden else _reached(step, total),
        "of_previous": _with_interval(total, step.previous, step.reached, *step.entered),
        "of_shown": _with_interval(total, step.of_shown, step.count, step.shown),
        "dropped": "",
        "why": "",
        "still_open": "",
    }
    if step.previous is not None and entered != 0:
        is_drop_hidden = is_count_hidden or is_hidden(total, step.reached)
        told["dropped"] = formats.HIDDEN if is_drop_hidden else formats.count(entered - total[step.reached])
        told["why"] = step.dropped
    if still_open is None:
        told["still_open"] = formats.HIDDEN
    elif still_open:
        told["still_open"] = f"{formats.count(still_open)} until {step.open_until}"
    return {**told, "text": _bar_text(step, total, told)}


def _bar_text(step: _Step, total: data.Row, told: data.Row) -> str:
    """What stands at the bar of a step: its count, its share of what was shown, and what is still open."""
    still_open = f"{formats.count(told['open'])} open" if told["open"] else ""
    if told["count"] == OPEN and still_open:
        return still_open
    share = _of(total, step.of_shown, step.count, step.shown)
    has_share = told["count"] != formats.HIDDEN and share not in ("", formats.HIDDEN)
    return told["count"] + (f", {share} of shown" if has_share else "") + (f" + {still_open}" if still_open else "")


def _still_open(step: _Step, row: data.Row) -> int | None:
    """How many may still reach a step; None where that is hidden."""
    if is_hidden(row, *step.open):
        return None
    first, *others = (row[column] for column in step.open) if step.open else (0,)
    return first - sum(others)


def _is_too_young(step: _Step, row: data.Row) -> bool:
    """Whether nothing is old enough for a step that something may still reach: its 0 is then not measured."""
    return bool(row[step.shown] == 0 and (row["censored"] != 0 or row["shown"] != 0))


def _reached(step: _Step, row: data.Row) -> str:
    if is_hidden(row, step.count):
        return formats.HIDDEN
    return OPEN if _is_too_young(step, row) else formats.count(row[step.count])


def _of(row: data.Row, rate: str | None, count: str, base: str) -> str:
    """A share with what it is of: a base is what is old enough for the step, and so not what another row shows."""
    if rate is None:
        return ""
    if is_hidden(row, count, base):
        return formats.HIDDEN
    if formats.is_missing(row[f"{rate}_rate"]):
        return ""
    return formats.share_of(row[f"{rate}_rate"], row[count], row[base], 1)


def _with_interval(row: data.Row, rate: str | None, count: str, base: str, of: str = "") -> str:
    share = _of(row, rate, count, base)
    if share in ("", formats.HIDDEN):
        return share
    interval = formats.interval(row[f"{rate}_low"], row[f"{rate}_high"])
    return share + (f" of {of}" if of else "") + f", {interval}"


def _breakdowns(trust: Trust, rows: Sequence[data.Row], total: data.Row) -> None:
    st.subheader("Acceptance by model and surface")
    drawn = {}
    for side, by, other in zip(st.columns(2, gap="medium"), ("model", "surface"), ("surface", "model"), strict=True):
        parts = [row for row in rows if row[other] == ALL and row[by] != ALL]
        with side, sections.values(trust, f"by_{by}", TABLE):
            st.markdown(f"**By {by}**")
            if any(is_hidden(row, "installed", "shown") for row in parts):
                banners.nothing("Hidden.", "One of the counts would point at one person, so none is shown.")
                continue
            told = [_part(row, by) for row in sorted(parts, key=lambda row: -row["shown"])]
            drawn[f"Acceptance by {by}"] = charts.show(
                charts.share_bars(told, title="Acceptance (share of shown)"),
                f"Acceptance by {by}: " + "; ".join(f"{row['name']} {row['text']}" for row in told),
                key=f"by_{by}",
            )
    st.caption(
        f"Installed of shown; the thin line is the 95{formats.THIN}% interval. Where the lines overlap far, one is not "
        "shown to be better than the other."
    )
    with st.expander(f"All {len(rows)} combinations as a table"), sections.values(trust, "combinations", TABLE):
        tables.show(
            [
                {
                    **row,
                    "surface": called(row["surface"]),
                    "model": called(row["model"]),
                    "acceptance": _share(row, "acceptance", "installed", "shown"),
                    "lift_text": _lift(row),
                    **{f"{step.count}_told": _reached(step, row) for step in STEPS},
                }
                for row in rows
            ],
            {
                "surface": ("Surface", str),
                "model": ("Model", str),
                **{f"{step.count}_told": (step.name, str) for step in STEPS[:3]},
                "acceptance": ("Acceptance", str),
                "lift_text": ("Lift", str),
                **{f"{step.count}_told": (step.name, str) for step in STEPS[3:]},
                "censored": ("Still open", formats.count_or_hidden),
            },
            height=None if len(rows) < 12 else 420,
        )
    sections.foot(
        trust,
        rows,
        f"recommendations_by_{total['team_id']}_{total['period_end']}",
        (TABLE, "acceptance_rate"),
        (TABLE, "lift"),
        is_provisional=bool(total["is_provisional"]),
        drawn=drawn,
    )


def _part(row: data.Row, by: str) -> dict[str, Any]:
    return {
        "name": called(row[by]),
        "share": row["acceptance_rate"],
        "low": row["acceptance_low"],
        "high": row["acceptance_high"],
        "text": of_shown(row) if row["shown"] else OPEN,
        "interval": formats.interval(row["acceptance_low"], row["acceptance_high"]),
    }
