"""The tables of the documents say what the code says."""

from pathlib import Path

import pytest

from tests.support.doc_tables import pages, renewed


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.name)
def test_the_tables_are_current(page: Path) -> None:
    text = page.read_text("utf-8")

    assert renewed(text) == text, "run 'make docs'"


def test_five_pages_hold_tables() -> None:
    assert len(pages()) == 5
