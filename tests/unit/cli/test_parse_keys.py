"""Any pasted text becomes a list of keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.cli.key_text import parse_keys

A, B = "AIzaSyA-first_key", "AQ.second-key"


@pytest.mark.parametrize(
    "text",
    [
        f"{A}\n{B}\n",
        f"{A},{B}",
        f"  {A} ;\t{B}  ",
        f'["{A}", "{B}"]',
        f"['{A}','{B}']",
        f'API_KEYS=["{A}","{B}"]',
        f"API_KEYS={A},{B}",
        f'"{A}"\r\n"{B}"\r\n"{A}"',
        f"`{A}` ({B})",
    ],
)
def test_finds_keys_however_they_are_pasted(text: str) -> None:
    assert parse_keys(text) == [A, B]


@pytest.mark.parametrize("text", ["", " \n\t", "[]", '[""]', "'',\"\"", ",,;", "API_KEYS="])
def test_finds_nothing_in_nothing(text: str) -> None:
    assert parse_keys(text) == []


_KEY = st.text("abcXYZ019_-.", min_size=1, max_size=20)


@given(st.lists(_KEY, unique=True), st.sampled_from([",", "\n", " ", '", "', ";\r\n"]))
def test_gives_back_what_was_joined(keys: list[str], separator: str) -> None:
    assert parse_keys(separator.join(keys)) == keys
