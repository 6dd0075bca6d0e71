"""The body of a start request goes to Google as it was read."""

import pytest

from services.files.start_body import as_understood, read_start_body


@pytest.mark.parametrize("mime_type", ["", "image/png"])
def test_a_field_that_comes_twice_goes_out_once(mime_type: str) -> None:
    body = b'{"file":{"name":"files/victim"},"file":{"name":"files/a","name":"files/mine"}}'

    sent = as_understood(body, mime_type)

    assert read_start_body(body).name == "files/mine"
    assert b"victim" not in sent
    assert sent.count(b"name") == 1
    assert read_start_body(sent).mime_type == mime_type


@pytest.mark.parametrize(
    ("body", "mime_type", "sent"),
    [
        (b"", "", b""),
        (b"{}", "", b"{}"),
        (b"", "a/b", b'{"file":{"mimeType":"a/b"}}'),
        (b'{"file": {"mime_type": "c/d"}, "x": 1}', "a/b", b'{"file":{"mime_type":"c/d"},"x":1}'),
    ],
)
def test_nothing_else_changes(body: bytes, mime_type: str, sent: bytes) -> None:
    assert as_understood(body, mime_type) == sent
