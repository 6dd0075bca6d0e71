"""What commands print: tables for people, plain lines or JSON for programs."""

import json
import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

Row = dict[str, str | int | bool | list[str]]

MOST_SHOWN = 200
"""A table for people that is longer than this says nothing."""


def say(text: str) -> None:
    """Print a line on standard output exactly as it is, however long."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def remark(text: str) -> None:
    """Print a line for people on standard error."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def print_rows(columns: Sequence[str], rows: Sequence[Row], *, as_json: bool) -> None:
    """Print rows: a table on a terminal, else tab separated lines without a heading.

    Args:
        columns: Which fields of a row, in which order.
        rows: What to print.
        as_json: Print one JSON list instead.
    """
    if as_json:
        say(json.dumps([{column: row[column] for column in columns} for row in rows], indent=2))
        return
    if not sys.stdout.isatty():
        for row in rows:
            say(to_line(columns, row))
        return
    table = Table()
    for column in columns:
        numeric = bool(rows) and all(type(row[column]) is int for row in rows)
        table.add_column(column.replace("_", " "), justify="right" if numeric else "left")
    for row in rows:
        # Notes and names are an operator's text, not Rich's markup.
        table.add_row(*(_plain(row[column]).replace("[", r"\[") for column in columns))
    Console().print(table)


def print_fields(columns: Sequence[str], row: Row) -> None:
    """Print one row, each field on a line of its own behind its name."""
    for column in columns:
        say(f"{column}\t{_plain(row[column])}")


def to_line(columns: Sequence[str], row: Row) -> str:
    """Return a row as one tab separated line."""
    return "\t".join(_plain(row[column]) for column in columns)


def _plain(value: str | int | bool | list[str]) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ",".join(value)
    return str(value).replace("\t", " ").replace("\n", " ")
