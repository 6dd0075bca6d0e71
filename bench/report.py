"""Results as tables of Markdown."""

from collections.abc import Iterable

from bench.rounds import Result


def render(results: Iterable[Result]) -> str:
    """Return a section for each result."""
    return "\n".join("\n".join(_section(result)) for result in results)


def _section(result: Result) -> Iterable[str]:
    scenario = result.scenario
    rows = {way: result.row(way) for way in result.samples}
    # What nobody was measured by is no column.
    columns = [
        column for column in scenario.columns if any(column.name in row for row in rows.values())
    ]
    yield f"## {scenario.name}\n"
    yield f"{scenario.about}.\n"
    heads = ["", *(column.name for column in columns)]
    if scenario.compared:
        heads.append(f"x {scenario.compared}")
    cells = [heads]
    for way, row in rows.items():
        line = [way]
        for column in columns:
            value = row.get(column.name)
            line.append("" if value is None else f"{value:,.{column.digits}f}")
        if scenario.compared:
            multiple = result.multiple(way)
            line.append("" if multiple is None else f"{multiple:.2f}")
        cells.append(line)
    yield from _table(cells)
    for way, reason in result.failed.items():
        yield f"\n{way} failed: {reason}"
    yield ""


def _table(cells: list[list[str]]) -> Iterable[str]:
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for number, line in enumerate(cells):
        first, *others = (cell.rjust(width) for cell, width in zip(line, widths, strict=True))
        yield f"| {' | '.join([first.strip().ljust(widths[0]), *others])} |"
        if number == 0:
            bars = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
            yield f"| {' | '.join(bars)} |"
