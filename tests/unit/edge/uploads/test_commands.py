"""What clients may ask of an upload, and which numbers they may send."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.edge.errors import ApiError
from services.edge.uploads.commands import (
    LARGEST_NUMBER,
    Command,
    read_command,
    read_offset,
    read_size,
)
from services.edge.uploads.content_range import ContentRange, read_content_range


@pytest.mark.parametrize(
    ("header", "command"),
    [
        ("", None),
        ("  ", None),
        ("start", Command.START),
        ("Start", Command.START),
        ("upload", Command.UPLOAD),
        ("upload, finalize", Command.UPLOAD_FINALIZE),
        ("upload,finalize", Command.UPLOAD_FINALIZE),
        (" UPLOAD ,  Finalize ", Command.UPLOAD_FINALIZE),
        ("finalize, upload", Command.UPLOAD_FINALIZE),
        ("finalize", Command.FINALIZE),
        ("query", Command.QUERY),
        ("cancel", Command.CANCEL),
    ],
)
def test_commands_in_every_spelling(header: str, command: Command | None) -> None:
    assert read_command(header) is command


@pytest.mark.parametrize(
    "header",
    [
        *("begin", "upload finalize", "upload;finalize", "start, upload", "query, cancel"),
        *("upload, finalize, query", "upload,", ",", "upload, finalize, upload", "up\xb2load"),
    ],
)
def test_what_is_no_command(header: str) -> None:
    with pytest.raises(ApiError) as refused:
        read_command(header)
    assert refused.value.status == 400


def test_which_commands_complete_an_upload() -> None:
    assert {each for each in Command if each.finishes} == {
        Command.FINALIZE,
        Command.UPLOAD_FINALIZE,
    }


@pytest.mark.parametrize(
    ("value", "size"),
    [("", None), ("0", 0), (" 8388608 ", 8388608), ("007", 7), (str(2**63 - 1), 2**63 - 1)],
)
def test_numbers(value: str, size: int | None) -> None:
    assert read_size("X-Size", value) == size


@pytest.mark.parametrize(
    "value",
    [
        *("-1", "+1", "1.0", "1e3", "0x10", "abc", "1 2", "1,2", "NaN", "\xb2", "\u0663"),
        *(str(2**63), str(2**64), "9" * 19, "9" * 400),
    ],
)
def test_what_is_no_number_of_bytes(value: str) -> None:
    with pytest.raises(ApiError, match="X-Size") as refused:
        read_size("X-Size", value)
    assert refused.value.status == 400


@given(st.text(max_size=30))
def test_any_text_is_a_number_in_range_or_refused(text: str) -> None:
    with contextlib.suppress(ApiError):
        size = read_size("X-Size", text)
        assert size is None or 0 <= size <= LARGEST_NUMBER


def test_an_offset_must_be_there() -> None:
    with pytest.raises(ApiError, match="missing"):
        read_offset("")
    assert read_offset("0") == 0


@pytest.mark.parametrize(
    ("header", "place"),
    [
        ("bytes 0-99/200", ContentRange(0, 100, 200)),
        ("bytes 100-199/200", ContentRange(100, 100, 200)),
        ("bytes 0-0/*", ContentRange(0, 1, None)),
        ("BYTES  5-5/6", ContentRange(5, 1, 6)),
        ("bytes */200", ContentRange(0, 0, 200)),
        ("bytes */*", ContentRange(0, 0, None)),
        ("bytes */0", ContentRange(0, 0, 0)),
    ],
)
def test_content_ranges(header: str, place: ContentRange) -> None:
    assert read_content_range(header) == place


@pytest.mark.parametrize(
    ("header", "finishes", "is_query"),
    [
        ("bytes 0-99/200", False, False),
        ("bytes 100-199/200", True, False),
        ("bytes 100-199/*", False, False),
        ("bytes */200", False, True),
    ],
)
def test_when_a_range_is_the_last(header: str, finishes: bool, is_query: bool) -> None:
    place = read_content_range(header)

    assert (place.finishes, place.is_query) == (finishes, is_query)


@pytest.mark.parametrize(
    "header",
    [
        *("", "0-99/200", "bytes 0-99", "bytes 99-0/200", "bytes 0-200/200", "bytes -1-5/9"),
        *("items 0-99/200", "bytes 0-99/abc", "bytes 0-*/200", f"bytes 0-{2**63}/*"),
        *(f"bytes */{2**63}", "bytes 0-1/\xb2"),
    ],
)
def test_what_is_no_content_range(header: str) -> None:
    with pytest.raises(ApiError) as refused:
        read_content_range(header)
    assert refused.value.status == 400
