"""Charts as SVG, drawn by the very renderer: what stands in them, wherever and whenever they are drawn."""

import os
import struct
import subprocess
import sys
from collections.abc import Sequence
from datetime import date, timedelta
from xml.etree import ElementTree

from dashboards.components import charts

SVG = "{http://www.w3.org/2000/svg}"
SUNDAYS = [date(2026, 11, 1) + timedelta(days=7 * week) for week in range(4)]


def _trend(ends: Sequence[date]) -> charts.Chart:
    rows = [
        {"period_end": end, "share": 0.5, "low": 0.25, "high": 0.75, "is_provisional": False, "text": "50 %"}
        for end in ends
    ]
    return charts.trend(rows, y="share", low="low", high="high", title="Adoption", number_format="%", top=1.0)


def _texts(svg: str) -> list[str]:
    """Every line of text; a text of several lines has a part for each."""
    found = []
    for element in ElementTree.fromstring(svg).iter(f"{SVG}text"):
        found += [each.text or "" for each in element.iter(f"{SVG}tspan")] or [element.text or ""]
    return found


def test_a_picture_says_of_itself_what_it_shows_and_until_when():
    told = ["Team: Core & Web", "Data until 22 Nov 2026 23:54 UTC"]
    texts = _texts(charts.as_svg(_trend(SUNDAYS), "Adoption over time", told, is_dark=False))
    assert [text for text in texts if text in ("Adoption over time", *told)] == ["Adoption over time", *told]
    assert {"Adoption", "Period end", "0%", "100%"} <= set(texts)


def test_a_name_from_outside_is_text_in_a_picture_and_reaches_nothing():
    name = '"><script>alert(1)</script><image href="http://127.0.0.1:9/x"/>'
    rows = [{"skill_name": name, "text": "50 %", "adoption_rate": 0.5, "adoption_low": 0.2, "adoption_high": 0.8}]
    drawn = charts.skill_bars([rows[0] | {"interval": "20 to 80 %"}])
    svg = charts.as_svg(drawn, name, [name], is_dark=False)
    assert name in _texts(svg)
    used = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()}
    assert used.isdisjoint({"script", "image", "foreignObject"})


def test_a_picture_has_the_colours_of_the_page():
    light, dark = (charts.as_svg(_trend(SUNDAYS), "Adoption", [], is_dark=is_dark) for is_dark in (False, True))
    assert 'fill="#ffffff"' in light
    assert 'fill="#10151c"' in dark
    assert 'fill="#16202e"' not in dark


def test_a_day_keeps_its_name_on_every_clock():
    # The renderer reads the zone once, when it starts.
    drawing = (
        "from tests.unit.dashboards.test_pictures import SUNDAYS, _trend, charts; "
        "print(charts.as_svg(_trend(SUNDAYS), 'Adoption', [], is_dark=False))"
    )
    drawn = [
        subprocess.run(
            [sys.executable, "-c", drawing], env=os.environ | {"TZ": zone}, capture_output=True, text=True, check=True
        ).stdout
        for zone in ("Pacific/Honolulu", "Asia/Tokyo")
    ]
    assert "01 Nov" in _texts(drawn[0])
    assert drawn[0] == drawn[1]


def test_the_axis_of_days_names_none_after_the_last():
    first = date(2026, 11, 22)
    rows = [{"day": first + timedelta(days=n), "uses": 1} for n in range(7)]
    texts = _texts(charts.as_svg(charts.days(rows, first, date(2026, 11, 28)), "Uses", [], is_dark=False))
    assert [text for text in texts if text.endswith("Nov")] == [f"{day} Nov" for day in range(22, 29)]


def test_an_axis_goes_on_to_the_last_end_where_nothing_is_shown_at_it():
    shown = _trend(SUNDAYS)
    hidden = [row | dict.fromkeys(("share", "low", "high"), None) for row in shown.rows[2:]]
    dark_end = charts.Chart(shown.specification, [*shown.rows[:2], *hidden])
    labels = [_texts(charts.as_svg(chart, "Adoption", [], is_dark=False)) for chart in (shown, dark_end)]
    assert labels[0] == labels[1]
    assert "21 Nov" in labels[1]


def test_parts_of_a_bar_are_told_apart_by_their_counts_too():
    parts = [("Active", 17, charts.BLUE), ("Idle", 0, charts.ORANGE), ("Never used", 2, charts.RED)]
    texts = _texts(charts.as_svg(charts.stacked_bar(parts, title="People"), "Seats", [], is_dark=False))
    assert {"Active: 17", "Idle: 0", "Never used: 2"} <= set(texts)
    assert [text for text in texts if text in ("17", "2", "0")][-2:] == ["17", "2"]


def test_a_png_is_the_same_picture_with_its_words():
    bare, told = (
        charts.as_png(_trend(SUNDAYS), "Adoption over time", words, is_dark=False)
        for words in ([], ["Team: Payments", "Data until 31 May 2026"])
    )
    assert bare.startswith(b"\x89PNG")
    # Width and height stand after the signature and the first chunk's head; the words take room of their own.
    (wide, low), (also_wide, high) = (struct.unpack(">II", picture[16:24]) for picture in (bare, told))
    assert wide == also_wide
    assert high > low


def test_a_point_of_retention_says_how_many_of_how_many():
    rows = [
        {"weeks_later": 1, "retention_rate": 0.5, "text": "50 % (6/12)", "is_provisional": False},
        {"weeks_later": 2, "retention_rate": None, "text": "", "is_provisional": False},
    ]
    texts = _texts(charts.as_svg(charts.retention_curve(rows), "Who comes back", [], is_dark=False))
    assert {"50 %", "6/12"} <= set(texts)
