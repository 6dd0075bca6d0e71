"""The head of a request cannot hold another request."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kit.http1.request import encode_head


@given(
    target=st.binary(min_size=1, max_size=20),
    name=st.binary(min_size=1, max_size=10),
    value=st.binary(max_size=20),
)
def test_a_head_has_as_many_lines_as_it_was_given(target: bytes, name: bytes, value: bytes) -> None:
    torn = any(mark in target + name + value for mark in (b"\r", b"\n", b"\0")) or b" " in target

    if torn:
        with pytest.raises(ValueError, match="line ends"):
            encode_head("POST", target, b"host", [(name, value)], 3)
        return
    head = encode_head("POST", target, b"host", [(name, value)], 3)
    assert head == (
        b"POST %b HTTP/1.1\r\nhost: host\r\n%b: %b\r\ncontent-length: 3\r\n\r\n"
        % (target, name, value)
    )


@pytest.mark.parametrize(
    ("method", "length", "told"),
    [("POST", 0, True), ("GET", 0, False), ("DELETE", 0, True), ("GET", 1, True)],
)
def test_a_length_is_told_where_a_body_is_expected(method: str, length: int, *, told: bool) -> None:
    assert (b"content-length" in encode_head(method, b"/", b"h", [], length)) is told
