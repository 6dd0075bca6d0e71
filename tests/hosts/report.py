"""The numbers of all scenarios, for whoever reads them and for the documents."""

from tests.hosts.traffic import Tally

_HEAD = "| what happens | answered | failed | slowest plain request | uploads that asked again |"
_rows: list[str] = []
_remarks: list[str] = []


def note(what: str, tally: Tally) -> None:
    """Add a scenario to the table."""
    _rows.append(
        f"| {what} | {sum(tally.answered.values())} | {len(tally.failures)} |"
        f" {tally.slowest:.1f} s | {tally.resumes} |"
    )


def remark(text: str) -> None:
    """Add a line below the table."""
    _remarks.append(f"- {text}")


def table() -> str:
    """Return the table in Markdown, empty when nothing was noted."""
    return "\n".join([_HEAD, "|---|---|---|---|---|", *_rows, "", *_remarks]) if _rows else ""
