"""What a file is: declared, told by the request, by its name, by its first bytes; in this order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.files.media_types import infer, telling

PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
PDF = b"%PDF-1.7\n"


@pytest.mark.parametrize(
    ("declared", "hint", "names", "head", "expected"),
    [
        ("image/webp", "audio/wav", ["a.pdf"], PNG, "image/webp"),
        ("", "audio/wav", ["a.pdf"], PNG, "audio/wav"),
        ("", "", ["a.pdf"], PNG, "application/pdf"),
        ("", "", ["a.unheard-of"], PNG, "image/png"),
        ("", "", [], PNG, "image/png"),
        ("", "", [], b"\x00\x01\x02", ""),
        # What is declared stands, even when it tells nothing.
        ("application/octet-stream", "audio/wav", ["a.pdf"], PNG, "application/octet-stream"),
        # The name for people comes before that of the request.
        ("", "", ["talk.mp3", "upload.bin"], b"", "audio/mpeg"),
        ("", "", ["talk", "upload.mp4"], b"", "video/mp4"),
    ],
)
def test_the_first_that_tells_decides(
    declared: str, hint: str, names: list[str], head: bytes, expected: str
) -> None:
    assert infer(declared, hint, names, head) == expected


@pytest.mark.parametrize(
    "silent",
    [
        "",
        "application/octet-stream",
        "APPLICATION/OCTET-STREAM",
        "application/octet-stream; charset=binary",
        "binary/octet-stream",
        "text/plain",
        "text/plain; charset=utf-8",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "multipart/related",
        "application/json",
    ],
)
def test_types_that_programs_send_for_want_of_a_better_tell_nothing(silent: str) -> None:
    assert telling(silent) == ""


@pytest.mark.parametrize("mime_type", ["image/png", "text/html", "audio/wav; codec=1", "text/csv"])
def test_other_types_tell_what_they_say(mime_type: str) -> None:
    assert telling(mime_type) == mime_type


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.png", "image/png"),
        ("a.PNG", "image/png"),
        ("a.jpeg", "image/jpeg"),
        ("a.jpg", "image/jpeg"),
        ("a.gif", "image/gif"),
        ("a.webp", "image/webp"),
        ("a.heic", "image/heic"),
        ("a.pdf", "application/pdf"),
        ("a.txt", "text/plain"),
        ("a.md", "text/markdown"),
        ("a.csv", "text/csv"),
        ("a.html", "text/html"),
        ("a.json", "application/json"),
        ("a.jsonl", "application/jsonl"),
        ("a.xml", "text/xml"),
        ("a.py", "text/x-python"),
        ("a.mp3", "audio/mpeg"),
        ("a.wav", "audio/wav"),
        ("a.flac", "audio/flac"),
        ("a.aac", "audio/aac"),
        ("a.ogg", "audio/ogg"),
        ("a.aiff", "audio/aiff"),
        ("a.m4a", "audio/mp4"),
        ("a.mp4", "video/mp4"),
        ("a.mov", "video/quicktime"),
        ("a.mpeg", "video/mpeg"),
        ("a.webm", "video/webm"),
        ("a.avi", "video/x-msvideo"),
        ("a.wmv", "video/x-ms-wmv"),
        ("a.flv", "video/x-flv"),
        ("C:\\talks\\one.mp3", "audio/mpeg"),
        ("/tmp/with.dots/one.mp3", "audio/mpeg"),
        ("archive.tar.unknown", ""),
        ("noextension", ""),
        (".png", ""),
        ("", ""),
    ],
)
def test_an_extension_tells(name: str, expected: str) -> None:
    assert infer("", "", [name], b"") == expected


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "image/jpeg"),
        (b"GIF89a\x01\x00", "image/gif"),
        (b"RIFF\x24\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"RIFF\x24\x00\x00\x00AVI LIST", "video/x-msvideo"),
        (b"RIFX\x24\x00\x00\x00WAVEfmt ", ""),
        (PDF, "application/pdf"),
        (b"ID3\x04\x00\x00", "audio/mpeg"),
        (b"\xff\xfb\x90\x64\x00", "audio/mpeg"),
        (b"\xff\xf1\x50\x80\x00", "audio/aac"),
        (b"\xff\xfd\x90\x64\x00", "audio/mpeg"),
        (b"\xff\xfeh\x00i\x00", ""),
        (b"\xff\xeb\x90\x64", ""),
        (b"fLaC\x00\x00", "audio/flac"),
        (b"OggS\x00\x02", "audio/ogg"),
        (b"\x1aE\xdf\xa3\x9f", "video/webm"),
        (b"\x00\x00\x00\x18ftypmp42\x00", "video/mp4"),
        (b"\x00\x00\x00\x18ftypqt  \x00", "video/quicktime"),
        (b"\x00\x00\x00\x18ftypheic\x00", "image/heic"),
        (b"\x00\x00\x00\x18ftypM4A \x00", "audio/mp4"),
        (b"\x00\x00\x00\x18ftyp", "video/mp4"),
        (b"PK\x03\x04\x14\x00", "application/zip"),
        (b"hello, world\n", "text/plain"),
        ("grüße".encode(), "text/plain"),
        # Cut in the middle of a character.
        ("grüß".encode()[:-1], "text/plain"),
        (b"caf\xe9 au lait and more", ""),
        (b"with a \x00 in it", ""),
        (b"", ""),
    ],
)
def test_the_first_bytes_tell(head: bytes, expected: str) -> None:
    assert infer("", "", [], head) == expected


@given(st.binary(max_size=64), st.text(max_size=20))
def test_any_name_and_any_bytes_get_an_answer(head: bytes, name: str) -> None:
    found = infer("", "", [name], head)

    assert found == "" or "/" in found
