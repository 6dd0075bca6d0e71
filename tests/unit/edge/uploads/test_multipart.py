"""However a multipart body is cut into pieces, its parts are the same."""

import contextlib
import email.generator
import email.mime.multipart
import email.mime.nonmultipart
import io
import itertools

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.edge.errors import ApiError
from services.edge.uploads.multipart import Part, PartSplitter, read_boundary

BOUNDARY = "b0"
# Bytes that boundaries are made of, so that content comes close to them.
NASTY = st.lists(
    st.sampled_from([b"\r\n--b0", b"\n--b0", b"--b0", b"\r\n", b"\r", b"\n", b"-", b" ", b"b0x"]),
    max_size=12,
).map(b"".join)


def split(body: bytes, cuts: list[int], boundary: str = BOUNDARY) -> list[tuple[Part, bytes]]:
    """Return the parts of a body that arrives cut at some places."""
    splitter, parts = PartSplitter(boundary), list[tuple[Part, bytes]]()
    edges = [0, *sorted(cut for cut in cuts if cut < len(body)), len(body)]
    for begin, end in itertools.pairwise(edges):
        for found in splitter.feed(body[begin:end]):
            if isinstance(found, Part):
                parts.append((found, b""))
            else:
                head, content = parts[-1]
                parts[-1] = (head, content + found)
    assert splitter.is_complete
    return parts


def body_of(*contents: bytes, end: bytes = b"\r\n", padding: bytes = b"") -> bytes:
    """Return a body with these parts."""
    lines = [b"--b0" + padding + end + b"Content-Type: x/y" + end * 2 + each for each in contents]
    return end.join([*lines, b"--b0--" + end])


def is_content(content: bytes, end: bytes) -> bool:
    """Whether a content keeps to the rules: no line of it is a boundary."""
    return end + b"--b0" not in end + content + end


@given(
    st.lists(st.one_of(NASTY, st.binary(max_size=60)), min_size=1, max_size=3),
    st.sampled_from([b"\r\n", b"\n"]),
    st.sampled_from([b"", b" ", b" \t "]),
    st.lists(st.integers(0, 300), max_size=40),
    st.binary(max_size=20),
)
def test_any_pieces_give_the_same_parts(
    contents: list[bytes], end: bytes, padding: bytes, cuts: list[int], epilogue: bytes
) -> None:
    contents = [each for each in contents if is_content(each, end)]
    if not contents:
        return
    body = body_of(*contents, end=end, padding=padding) + epilogue

    assert [content for _, content in split(body, cuts)] == contents
    assert split(body, cuts) == split(body, []) == split(body, list(range(len(body))))


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=20))
def test_any_bytes_are_parts_or_refused_or_incomplete(body: bytes, cuts: list[int]) -> None:
    splitter = PartSplitter(BOUNDARY)
    edges = [0, *sorted(cuts), len(body)]
    with contextlib.suppress(ApiError):
        for begin, end in itertools.pairwise(edges):
            for found in splitter.feed(b"--b0\r\n" + body[begin:end]):
                assert found


def test_what_only_looks_like_a_boundary_is_content() -> None:
    content = b"a\r\n--b0c\r\n--b0 x\r\n-- b0\n--b0\r"

    [(_, found)] = split(body_of(content), [])

    assert found == content


def test_a_preamble_is_skipped_and_a_head_may_be_empty() -> None:
    body = b"This is --b0 for people.\r\n--b0\r\n\r\nbytes\r\n--b0--"

    assert split(body, []) == [(Part("", "", ""), b"bytes")]


def test_the_form_that_browsers_send() -> None:
    request = httpx.Request(
        "POST",
        "http://h",
        data={"metadata": '{"file":{}}'},
        files={"file": ("h\xf6he.png", b"\x89PNG\r\n\x1a\n", "image/png")},
    )

    parts = split(request.read(), [], read_boundary(request.headers["content-type"]))

    assert parts == [
        (Part("", "metadata", ""), b'{"file":{}}'),
        (Part("image/png", "file", "h\xf6he.png"), b"\x89PNG\r\n\x1a\n"),
    ]


def test_the_line_feeds_of_googles_older_python_client() -> None:
    # As googleapiclient builds its multipart uploads.
    root = email.mime.multipart.MIMEMultipart("related", boundary="===b===")
    setattr(root, "_write_headers", lambda _: None)  # noqa: B010  # as it does
    for kind, payload in [(("application", "json"), b'{"file":{}}'), (("x", "y"), b"a\r\nb\r")]:
        part = email.mime.nonmultipart.MIMENonMultipart(*kind)
        if kind[0] == "x":
            part["Content-Transfer-Encoding"] = "binary"
        part.set_payload(payload.decode())
        root.attach(part)
    sink = io.BytesIO()
    email.generator.BytesGenerator(sink, mangle_from_=False).flatten(root, unixfrom=False)
    body = sink.getvalue().replace(b"a\nb\n", b"a\r\nb\r")

    parts = split(body, [], "===b===")

    assert [(head.mime_type, content) for head, content in parts] == [
        ("application/json", b'{"file":{}}'),
        ("x/y", b"a\r\nb\r"),
    ]


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/related; boundary=abc", "abc"),
        ('multipart/form-data; charset=utf-8; boundary="a b:c"', "a b:c"),
        ("Multipart/Related; Boundary====1==", "===1=="),
    ],
)
def test_boundaries(content_type: str, boundary: str) -> None:
    assert read_boundary(content_type) == boundary


@pytest.mark.parametrize(
    "content_type",
    [
        *("", "multipart/related", "multipart/related; boundary=", 'multipart/x; boundary=""'),
        *("multipart/x; boundary=\xe9", f"multipart/x; boundary={'x' * 201}"),
    ],
)
def test_what_names_no_boundary(content_type: str) -> None:
    with pytest.raises(ApiError) as refused:
        read_boundary(content_type)
    assert refused.value.status == 400


@pytest.mark.parametrize(
    "body",
    [
        b"x" * 20_000,
        b"--b0\r\n" + b"x" * 20_000,
        b"--b0\r\nContent-Type: x/y\r\n--b0\r\n\r\n",
        b"--b0\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA\r\n--b0--",
    ],
)
def test_what_does_not_keep_to_its_boundary(body: bytes) -> None:
    with pytest.raises(ApiError) as refused:
        list(PartSplitter(BOUNDARY).feed(body))
    assert refused.value.status == 400


@pytest.mark.parametrize("body", [b"", b"--b0\r\n\r\nhalf", b"--b0\r\n\r\nhalf\r\n--b0\r\n"])
def test_a_cut_body_is_not_complete(body: bytes) -> None:
    splitter = PartSplitter(BOUNDARY)

    list(splitter.feed(body))

    assert not splitter.is_complete


def head_of(disposition: str) -> Part:
    body = f"--b0\r\nContent-Disposition: form-data; {disposition}\r\n\r\n\r\n--b0--".encode()
    [(part, _)] = split(body, [])
    return part


def test_names_hold_nothing_that_cannot_be_sent_on() -> None:
    part = head_of("name*=utf-7''+2AA-; filename*=raw_unicode_escape''a%5cud800.txt")

    assert (part.name, part.file_name) == ("?", "a?.txt")


@pytest.mark.parametrize("charset", ["idna", "punycode", "undefined"])
def test_a_name_in_no_character_set_is_refused(charset: str) -> None:
    with pytest.raises(ApiError, match="character set"):
        head_of(f"name*={charset}''a%ff..b")
