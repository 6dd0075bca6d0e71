"""Bytes tell what they are."""

import pytest

from services.edge.media_kinds import is_shown, media_type_of


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a..", "image/gif"),
        (b"RIFF\x00\n\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"\x00\x00\x00\x18ftypheic", "image/heic"),
        (b"\x00\x00\x00\x18ftypisom", "video/mp4"),
        (b"%PDF-1.7", "application/pdf"),
        (b"ID3\x04", "audio/mp3"),
        (b"\xff\xfb\x90", "audio/mp3"),
        (b"OggS", "audio/ogg"),
        (b"<html>", ""),
        (b"<svg xmlns", ""),
        (b"", ""),
    ],
)
def test_kinds(content: bytes, media_type: str) -> None:
    assert media_type_of(content) == media_type


@pytest.mark.parametrize("media_type", ["image/svg+xml", "text/html", "application/pdf", ""])
def test_what_can_hold_a_script_is_not_shown(media_type: str) -> None:
    assert not is_shown(media_type)
