"""Writing results where readers find them: a page and a plot for each part."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.plot import plot, plotted
from bench.report import render_page
from bench.rounds import Result

RESULTS = Path(__file__).parent / "results"


def publish(results: Sequence[Result], facts: Mapping[str, str], folder: Path = RESULTS) -> None:
    """Write `<part>.md`, and `<part>.svg` where bars can be compared, of each part."""
    for part in dict.fromkeys(result.scenario.part for result in results):
        publish_page(part, [each for each in results if each.scenario.part == part], facts, folder)


def publish_page(
    name: str, results: Sequence[Result], facts: Mapping[str, str], folder: Path = RESULTS
) -> None:
    """Write one page, with its plot."""
    folder.mkdir(exist_ok=True)
    compared = plotted([result for result in results if result.samples])
    page = render_page(name, results, facts, has_plot=bool(compared))
    (folder / f"{name}.md").write_text(page, "utf-8")
    if compared:
        (folder / f"{name}.svg").write_text(plot(compared), "utf-8")
