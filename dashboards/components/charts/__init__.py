"""Charts that read in light and dark, wide and narrow: labelled axes, units, and never colour alone.

A chart is a plain Vega-Lite specification with its rows; `show` puts it on the page with a text for those who cannot
see it. Altair is not used: its checking and hashing cost more than the rest of a page.
"""

from dashboards.components.charts.adoption import (
    adoption_bars,
    days,
    onboarding_curves,
    retention_curve,
    skill_bars,
    stacked_bar,
    trend,
)
from dashboards.components.charts.business import availability_strip, plan, waterfall
from dashboards.components.charts.drawing import BLUE, GREEN, GREY, ORANGE, RED, VIOLET, Chart, as_png, as_svg, show
from dashboards.components.charts.judgement import funnel, quality_scale, share_bars, tornado

__all__ = [
    "BLUE",
    "GREEN",
    "GREY",
    "ORANGE",
    "RED",
    "VIOLET",
    "Chart",
    "adoption_bars",
    "as_png",
    "as_svg",
    "availability_strip",
    "days",
    "funnel",
    "onboarding_curves",
    "plan",
    "quality_scale",
    "retention_curve",
    "share_bars",
    "show",
    "skill_bars",
    "stacked_bar",
    "tornado",
    "trend",
    "waterfall",
]
