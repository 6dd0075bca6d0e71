"""Names of files as people give them."""

import pytest

from services.cli.errors import CommandError
from services.cli.public_files import read_name


@pytest.mark.parametrize(
    "text",
    [
        "files/abc-123",
        "abc-123",
        " files/abc-123\n",
        "https://generativelanguage.googleapis.com/v1beta/files/abc-123",
    ],
)
def test_a_name_an_id_and_an_address_are_the_same(text: str) -> None:
    assert read_name(text) == "files/abc-123"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "files/",
        "files/a b",
        "files/../keys?x",
        "a/b/",
        "é",
        "batches/a",
        "../a",
        "https://h/v1beta/batches/a",
        "/tmp/a",
        "x/files/a",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(CommandError) as error:
        read_name(text)

    assert error.value.exit_code == 2
