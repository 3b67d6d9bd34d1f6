"""Charts of what something is worth: a score, a range of hours, a funnel and its shares."""

from collections.abc import Sequence

from dashboards.components import formats
from dashboards.components.charts.drawing import (
    BLUE,
    ORANGE,
    Chart,
    bar_texts,
    ink,
    layer,
    named,
    number,
    only,
    tip,
    whisker,
    with_room,
)
from dashboards.data import Row


def quality_scale(quality: Row, bands: Sequence[Row]) -> Chart:
    """A quality score on the scale of its tiers, its bounds as a whisker.

    quality: score, score_low, score_high; bands: name, from_score, to_score.
    """
    rows = [
        {
            "name": f"{band['name'].capitalize()} {band['from_score']:g}",
            "from_score": band["from_score"],
            "to_score": band["to_score"],
            "place": place,
        }
        for place, band in enumerate(sorted(bands, key=lambda band: band["from_score"]))
    ]
    score = {name: quality[name] for name in ("score", "score_low", "score_high")}
    score["text"] = formats.decimal(quality["score"], 1)
    score["bounds"] = f"{formats.decimal(quality['score_low'], 1)} to {formats.decimal(quality['score_high'], 1)}"
    across = {"scale": {"domain": [0, 100], "nice": False}, "axis": None}
    drawn = [row | dict.fromkeys(score) for row in rows]
    drawn.append(dict.fromkeys(rows[0]) | score)
    tips = [tip("text", "Score"), tip("bounds", "Bounds")]
    # Where the names have no room side by side, every other one stands a line lower; the last ends with the bar.
    last = len(rows) - 1
    name = {"type": "text", "y": {"expr": "width < 520 && datum.place % 2 ? 86 : 70"}, "fontSize": 12, "color": ink()}
    return Chart(
        {
            "height": 108,
            "layer": [
                layer(
                    {
                        "type": "rect",
                        "height": 30,
                        "y": 42,
                        "fill": BLUE,
                        "stroke": ink(),
                        "strokeWidth": 0.8,
                        "strokeOpacity": 0.45,
                    },
                    x=number("from_score", **across),
                    x2={"field": "to_score"},
                    fillOpacity=number("place", scale={"domain": [0, last], "range": [0.12, 0.5]}, legend=None),
                ),
                layer(
                    name | {"align": "left"},
                    x=number("from_score", **across),
                    text={"condition": {"test": f"datum.place < {last}", **tip("name")}, "value": ""},
                ),
                layer(
                    name | {"align": "right"},
                    x=number("to_score", **across),
                    text={"condition": {"test": f"datum.place === {last}", **tip("name")}, "value": ""},
                ),
                layer(
                    {"type": "rule", "y": 42, "strokeWidth": 1.6, "color": ink()},
                    x=number("score_low", **across),
                    x2={"field": "score_high"},
                    tooltip=tips,
                ),
                *(
                    layer(
                        {"type": "tick", "y": 42, "thickness": 1.6, "size": 14, "opacity": 1, "color": ink()},
                        x=number(end, **across),
                    )
                    for end in ("score_low", "score_high")
                ),
                layer(
                    {"type": "point", "filled": True, "size": 130, "y": 42, "color": ORANGE, "opacity": 1},
                    x=number("score", **across),
                    tooltip=tips,
                ),
                layer(
                    {"type": "text", "y": 14, "fontSize": 13, "fontWeight": "bold", "color": ink()},
                    x=number("score", **across),
                    text=tip("text"),
                ),
            ],
        },
        drawn,
    )


def tornado(rows: Sequence[Row]) -> Chart:
    """How far one figure moves with each input alone: a bar from its value at the input's low to that at its high.

    rows, widest first: name, hours_p50_at_low, hours_p50_at_high, hours_p50 (nothing held: the line), text.
    """
    drawn = only(rows, "name", "hours_p50_at_low", "hours_p50_at_high", "hours_p50", "text")
    ends = [row[column] for row in drawn for column in ("hours_p50_at_low", "hours_p50_at_high")]
    start = min(0.0, *ends)
    across = {
        "scale": with_room(max(ends), 128, start),
        "axis": {"title": "Median hours saved, modelled", "tickCount": 5, "format": ",~f"},
    }
    drawn = [
        row | {"text_at": max(row["hours_p50_at_low"], row["hours_p50_at_high"], row["hours_p50"]), "start": start}
        for row in drawn
    ]
    bar = {"type": "bar", "height": 13, "yOffset": 8}
    tips = [tip("name", "Assumption"), tip("text", "Median, low to high")]
    return Chart(
        {
            "height": 42 * len(drawn) + 50,
            "encoding": {"y": named("name", sort=[row["name"] for row in drawn], axis=None)},
            "layer": [
                *(
                    layer(
                        bar | {"color": colour},
                        x=number("hours_p50", **across),
                        x2={"field": column},
                        tooltip=tips,
                    )
                    for column, colour in (("hours_p50_at_low", ORANGE), ("hours_p50_at_high", BLUE))
                ),
                layer(
                    {"type": "tick", "thickness": 2, "size": 21, "opacity": 1, "color": ink(), "yOffset": 8},
                    x=number("hours_p50", **across),
                ),
                *bar_texts("name", number("start", **across), across),
            ],
        },
        drawn,
    )


def funnel(rows: Sequence[Row]) -> Chart:
    """Steps as horizontal bars of counts, what is still open as a dashed end of the bar.

    rows, first step first: step, reached (None: hidden), open, text.
    """
    drawn = [
        row | {"reached": row["reached"] or 0, "end": (row["reached"] or 0) + row["open"]}
        for row in only(rows, "step", "reached", "open", "text")
    ]
    text = {"type": "text", "align": "left", "dy": -8, "color": ink(), "fontSize": 12.5}
    across = {
        "scale": with_room(max([1, *(row["end"] for row in drawn)]), 8),
        "axis": {"title": "Episodes", "tickMinStep": 1, "tickCount": 5, "format": ",d"},
    }
    tips = [tip("step", "Step"), tip("text", "Episodes")]
    return Chart(
        {
            "height": 44 * len(drawn) + 50,
            # Names and counts stand above their bars, so that a narrow window keeps its width for the bars.
            "encoding": {"y": named("step", sort=[row["step"] for row in drawn], axis=None)},
            "layer": [
                layer(
                    {"type": "bar", "color": BLUE, "height": 14, "yOffset": 9},
                    x=number("reached", **across),
                    tooltip=tips,
                ),
                layer(
                    {
                        "type": "bar",
                        "height": 13,
                        "yOffset": 9,
                        "color": "transparent",
                        "stroke": ink(),
                        "strokeWidth": 1.2,
                        "strokeDash": [3, 2],
                        "opacity": {"expr": "datum.open > 0 ? 1 : 0"},
                    },
                    x=number("reached", **across),
                    x2={"field": "end"},
                    tooltip=tips,
                ),
                *(
                    layer(
                        text | look,
                        x={"datum": 0, "type": "quantitative", **across},
                        text=tip(field),
                    )
                    for field, look in (("step", {"fontWeight": "bold"}), ("text", {"dx": 76, "limit": 330}))
                ),
            ],
        },
        drawn,
    )


def share_bars(rows: Sequence[Row], *, title: str) -> Chart:
    """Shares as horizontal bars in the order of the rows, 95 % interval as whiskers.

    rows: name, share, low, high (missing: nothing is measured), text, interval.
    """
    drawn = [
        row | {"text_at": row["high"] or 0.0} for row in only(rows, "name", "share", "low", "high", "text", "interval")
    ]
    highest = max([0.01, *(row["text_at"] for row in drawn)])
    across = {"scale": with_room(highest, 96), "axis": {"format": "%", "tickCount": 4, "title": title}}
    return Chart(
        {
            "height": 42 * len(drawn) + 50,
            "encoding": {"y": named("name", sort=[row["name"] for row in drawn], axis=None)},
            "layer": [
                layer(
                    {"type": "bar", "color": BLUE, "height": 13, "yOffset": 8},
                    x=number("share", **across),
                    tooltip=[tip("name", "Of"), tip("text", title), tip("interval", "95 % interval")],
                ),
                *whisker("low", "high", across),
                *bar_texts("name", {"datum": 0, "type": "quantitative", **across}, across),
            ],
        },
        drawn,
    )
