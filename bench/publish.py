"""Writing results where readers find them: a page with its plots for each part."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from bench.plot import by_axis, plot
from bench.report import render_page
from bench.rounds import Result

RESULTS = Path(__file__).parent / "results"


def publish(results: Sequence[Result], facts: Mapping[str, str], folder: Path = RESULTS) -> None:
    """Write the page of each part."""
    for part in dict.fromkeys(result.scenario.part for result in results):
        publish_page(part, [each for each in results if each.scenario.part == part], facts, folder)


def publish_page(
    name: str, results: Sequence[Result], facts: Mapping[str, str], folder: Path = RESULTS
) -> None:
    """Write `<name>.md`, and a plot for each axis that it has."""
    folder.mkdir(exist_ok=True)
    plots = []
    for number, together in enumerate(by_axis(results), 1):
        plots.append(f"{name}-{number}.svg")
        (folder / plots[-1]).write_text(plot(together), "utf-8")
    (folder / f"{name}.md").write_text(render_page(name, results, facts, plots), "utf-8")
