"""Results as Markdown."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from bench.rounds import Result


def render_page(
    name: str, results: Sequence[Result], facts: Mapping[str, str], plots: Sequence[str]
) -> str:
    """Return a whole page: what it was measured with, plots, a section for each scenario."""
    lines = [f"# Measured: {name}", ""]
    lines += [f"- {key}: {value}" for key, value in facts.items()]
    lines += ["", "How to read this: [docs/benchmarks.md](../../docs/benchmarks.md).", ""]
    for plot in plots:
        lines += [f"![{plot}]({plot})", ""]
    return "\n".join([*lines, render(results)])


def render(results: Iterable[Result]) -> str:
    """Return a section for each result."""
    return "\n".join(line for result in results for line in _section(result))


def _section(result: Result) -> Iterator[str]:
    scenario = result.scenario
    yield from (f"## {scenario.name}", "", f"{scenario.about}.", "")
    rows = {way: result.row(way) for way in result.samples}
    # What nobody was measured by is no column.
    columns = [
        column for column in scenario.columns if any(column.name in row for row in rows.values())
    ]
    cells = [["", *(column.name for column in columns)]]
    if scenario.compared:
        cells[0].append(f"x {scenario.compared}")
    for way, row in rows.items():
        line = [way, *(_number(row.get(column.name), column.digits) for column in columns)]
        if scenario.compared:
            line.append(_number(result.multiple(way), 2))
        cells.append(line)
    yield from _table(cells)
    yield ""
    for way, reason in result.failed.items():
        yield from (f"{way} failed: {reason}", "")


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:,.{digits}f}"


def _table(cells: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = [max(3, *map(len, column)) for column in zip(*cells, strict=True)]
    for number, line in enumerate(cells):
        first, *others = zip(line, widths, strict=True)
        shown = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)]
        yield f"| {' | '.join(shown)} |"
        if number == 0:
            bars = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
            yield f"| {' | '.join(bars)} |"
