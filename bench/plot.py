"""Results as bars: one group for each scenario, one colour for each way."""

import math
import sys
from collections.abc import Sequence
from typing import Any

import pygal
from pygal.style import CleanStyle

from bench.rounds import Result

# Its finder of plug-ins speaks a protocol of old, of which each later import would warn.
sys.meta_path[:] = [each for each in sys.meta_path if not isinstance(each, pygal.PluginImportFixer)]

_SPREAD = 20
"""From this ratio of the longest bar to the shortest on, the axis is logarithmic."""


def by_axis(results: Sequence[Result]) -> list[list[Result]]:
    """Return the results that can be drawn, those together that share an axis."""
    drawn = [result for result in results if result.scenario.compared and result.samples]
    axes = dict.fromkeys(result.scenario.compared for result in drawn)
    return [[each for each in drawn if each.scenario.compared == axis] for axis in axes]


def plot(results: Sequence[Result]) -> str:
    """Return an SVG of results that share an axis; at least one."""
    axis = results[0].scenario.compared
    # Groups are drawn from below.
    groups = list(reversed(results))
    rows = [{way: result.row(way) for way in result.samples} for result in groups]
    values = [row[axis] for ways in rows for row in ways.values() if row.get(axis)]
    is_wide = max(values) > _SPREAD * min(values)
    chart = pygal.HorizontalBar(
        title=axis,
        style=CleanStyle,
        js=(),
        width=900,
        height=120 + 22 * len(values),
        print_values=True,
        show_y_guides=False,
        truncate_legend=-1,
        show_x_guides=False,
        logarithmic=is_wide,
        value_formatter=lambda value: f"{value:,.0f}" if value >= 100 else f"{value:.1f}",
        disable_xml_declaration=True,
    )
    chart.add_xml_filter(_without_scripts)
    # Else each drawing has another id, and so another diff.
    chart.uuid = "bench"
    chart.x_labels = [result.scenario.name for result in groups]
    if is_wide:
        powers = range(math.floor(math.log10(min(values))), math.ceil(math.log10(max(values))) + 1)
        chart.y_labels = [10**power for power in powers]
        chart.range = (min(chart.y_labels), max(chart.y_labels))
    for way in dict.fromkeys(way for result in results for way in result.samples):
        bars = [ways.get(way, {}).get(axis) for ways in rows]
        if any(bars):
            chart.add(way, bars)
    drawn: str = chart.render(is_unicode=True)
    return drawn


def _without_scripts(root: Any) -> Any:
    """Take out what only a page with scripts could use."""
    for parent in root.iter():
        for child in list(parent):
            if str(child.tag).endswith("script"):
                parent.remove(child)
    return root
