"""What the page of recommendations says of one period: hidden, still open and nothing at all are three things."""

from datetime import date
from typing import Any

from dashboards.app_pages import recommendations as page
from dashboards.app_pages import recommendations_over_time
from dashboards.components import banners, charts

# 2,000 shown and 50 open; 640 clicked; 360 installed, 20 of them without a click; of 300 whose day 14 is over 175
# succeeded; of 100 activated whose day 30 is over 40 came back.
COUNTS = {
    **{"censored": 50, "shown": 2000, "clicked": 640, "installed": 360, "clicked_installed": 340},
    **{"shown_14": 1800, "installed_14": 300, "activated": 175, "shown_30": 900, "installed_30": 160},
    **{"activated_30": 100, "retained": 40, "holdout_shown": 200, "holdout_installed": 12},
}
RATES = {
    **{
        "click": 0.32,
        "acceptance": 0.18,
        "conversion": 340 / 640,
        "activation": 175 / 300,
        "activated_of_shown": 175 / 1800,
    },
    **{"retention": 0.25, "retained_of_activated": 0.4, "retained_of_shown": 40 / 900, "holdout": 0.06},
}


def total(**others: Any) -> dict[str, Any]:
    rates = {f"{name}_{part}": rate for name, rate in RATES.items() for part in ("rate", "low", "high")}
    row = {"team_id": "t", "period_end": date(2026, 1, 28), "surface": "*", "model": "*", "is_provisional": False}
    return row | COUNTS | rates | {"lift": 0.12, "lift_low": 0.075, "lift_high": 0.151} | others


def steps(**others: Any) -> dict[str, dict[str, Any]]:
    return {step.name: page._told(step, total(**others)) for step in page.STEPS}


def test_every_step_says_what_was_dropped_and_why_and_what_is_open():
    told = steps()
    assert [told[name]["count"] for name in told] == ["2,000", "640", "360", "175", "40"]
    # 2,000 - 640; 640 - 340; 300 - 175; 100 - 40.
    assert [told[name]["dropped"] for name in told] == ["", "1,360", "300", "125", "60"]
    assert told["Clicked"]["why"] == "Not clicked by day 7"
    # 360 - 300 whose day 14 is not over; 175 - 100 whose day 30 is not.
    still_open = [told[name]["still_open"] for name in told]
    assert still_open == ["50 until day 7", "", "", "60 until day 14", "75 until day 30"]
    assert "(340/640) of clicked" in told["Installed"]["of_previous"]
    assert told["Installed"]["text"] == "360, 18.0\u202f% (360/2,000) of shown"
    # Of 2,000 shown 1,800 are old enough to have been activated, and 900 to have been retained.
    assert "(175/1,800)" in told["Activated"]["of_shown"]
    assert "(40/900)" in told["Retained"]["of_shown"]


def test_a_hidden_step_is_hidden_and_not_nought():
    hidden = ("installed", "clicked_installed", "installed_14", "activated", "activated_30", "retained")
    told = steps(**dict.fromkeys(hidden))
    assert [told[name]["count"] for name in told] == ["2,000", "640", "Hidden", "Hidden", "Hidden"]
    assert (told["Installed"]["dropped"], told["Installed"]["of_shown"]) == ("Hidden", "Hidden")
    assert told["Shown"]["still_open"] == "50 until day 7"
    assert steps(censored=None)["Shown"] | {"still_open": "Hidden", "count": "2,000"} == steps(censored=None)["Shown"]
    # Who was installed for is known, and how many of the clicked it were is not.
    assert steps(clicked_installed=None)["Installed"]["dropped"] == "Hidden"
    assert steps(clicked_installed=None)["Installed"]["count"] == "360"


def test_a_step_for_which_nothing_is_old_enough_is_still_open_and_not_nought():
    # In 28 days nobody's day 30 is over.
    told = steps(shown_30=0, installed_30=0, activated_30=0, retained=0)
    assert [told[name]["count"] for name in ("Installed", "Activated", "Retained")] == ["360", "175", "Still open"]
    assert (told["Retained"]["reached"], told["Retained"]["text"]) == (None, "175 open")
    young: dict[str, Any] = dict.fromkeys((name for name in COUNTS if name != "censored"), 0)
    young |= {f"{name}_rate": None for name in RATES}
    told = steps(**young)
    assert [told[name]["count"] for name in told] == ["Still open"] * 5
    assert [told[name]["text"] for name in told] == ["50 open"] + ["Still open"] * 4
    # Nothing was shown at all, or all of it is old enough: those are noughts.
    assert [each["count"] for each in steps(**young, censored=0).values()] == ["0"] * 5
    assert steps(activated=0)["Activated"]["count"] == "0"
    assert page._reached(page.STEPS[4], total(shown_30=0, retained=0)) == "Still open"
    assert page._reached(page.STEPS[4], total(retained=None)) == "Hidden"


def test_a_share_without_a_base_is_open_where_something_may_come_and_else_no_data():
    def retained(**others: Any) -> str:
        return page._share(total(**others), "retention", "retained", "installed_30")

    assert retained() == "25.0\u202f%"
    assert retained(installed_30=0, retained=0) == "Still open"
    # What is still open may be installed yet.
    assert retained(installed_30=0, retained=0, installed=0) == "Still open"
    assert retained(installed_30=0, retained=0, installed=0, censored=0) == "No data"
    assert retained(retained=None) == "Hidden"


def test_nothing_is_said_not_to_be_installed_while_it_may_be():
    def activated(**others: Any) -> str:
        row = total(installed_14=0, activated=0, **others)
        return page._counted(row, "activation", "activated", "installed_14", "installed succeeded by day 14")

    assert activated() == "Nothing of this period is old enough; a longer one may be"
    assert activated(shown=0, clicked=0, installed=0) == "Nothing of this period is old enough; a longer one may be"
    assert activated(installed=0) == "Nothing that is 7 days old was installed; what is still open may be"
    assert activated(installed=0, censored=None) == activated(installed=0)
    assert activated(installed=0, censored=0) == "Nothing of this period was installed"


def test_an_acceptance_that_misses_its_target_by_little_does_not_read_like_it():
    # 399 of 2,000 are a little less than a fifth.
    near = total(installed=399, acceptance_rate=0.1995)
    assert page._share(near, "acceptance", "installed", "shown") == "20.0\u202f%"
    assert page._share(near, "acceptance", "installed", "shown", 0.2) == "19.95\u202f%"
    assert page._share(total(installed=None), "acceptance", "installed", "shown", 0.2) == "Hidden"


def test_a_lift_says_whether_its_interval_leaves_nought_out():
    assert "95\u202f% interval +7.5 to +15.1\u202fpp" in page._against_holdout(total())[0]
    assert page._against_holdout(total())[0].startswith("Above 0")
    assert page._against_holdout(total(lift_low=-0.01))[0].startswith("**No difference is shown**")
    assert page._against_holdout(total(lift_high=-0.01, lift_low=-0.2))[0].startswith("Below 0")
    assert page._lift(total(lift=None)) == "Not measured"
    assert page._lift(total(holdout_installed=None)) == "Hidden"
    assert "12/200" in page._against_holdout(total())[1]


def test_a_funnel_draws_what_is_open_after_what_was_reached_and_leaves_room_for_both():
    chart = charts.funnel(
        [
            {"step": "Shown", "reached": 10, "open": 3, "text": "10 + 3 open"},
            {"step": "Clicked", "reached": None, "open": 0, "text": "Hidden"},
        ]
    )
    assert [(row["reached"], row["end"]) for row in chart.rows] == [(10, 13), (0, 0)]
    dashed = chart.specification["layer"][1]["mark"]
    assert dashed["strokeDash"]
    assert dashed["color"] == "transparent"


def test_shares_that_are_not_measured_keep_their_line():
    chart = charts.share_bars(
        [{"name": "CLI", "share": None, "low": None, "high": None, "text": "Still open", "interval": "No data"}],
        title="Acceptance",
    )
    assert [row["text_at"] for row in chart.rows] == [0.0]


def test_a_line_that_is_missing_says_whether_it_is_hidden_or_too_short(monkeypatch):
    said = []
    monkeypatch.setattr(banners, "nothing", lambda title, _: said.append(title))
    gap = {"period_end": date(2026, 1, 18)}
    recommendations_over_time._too_little([gap, total()], "installed", "shown")
    recommendations_over_time._too_little([gap, total(installed=None), total()], "installed", "shown")
    recommendations_over_time._too_little([total(lift=None)], "installed", "holdout_installed")
    assert said == ["Too little history for a trend.", "Hidden to protect people.", "Not measured."]


def test_a_surface_and_a_model_are_named_behind_what_they_are_of():
    assert recommendations_over_time._which("*", "*") == ""
    assert recommendations_over_time._which("cli", "*") == "on CLI"
    assert recommendations_over_time._which("*", "heuristic") == "by Heuristic"
    assert recommendations_over_time._which("web", "sequential") == "on Web by Sequential"


def test_a_lift_has_a_line_at_nought_and_points_below_it():
    rows = [
        {"period_end": date(2026, 1, day), "lift": value, "lift_low": value - 9, "lift_high": value + 9, "text": ""}
        | {"is_provisional": False}
        for day, value in ((4, -2.0), (11, 3.0))
    ]
    chart = charts.trend(
        rows, y="lift", low="lift_low", high="lift_high", title="Lift", number_format="+~f", is_difference=True
    )
    assert chart.specification["layer"][0]["encoding"]["y"]["datum"] == 0
    assert [row["lift"] for row in chart.rows] == [-2.0, 3.0]
