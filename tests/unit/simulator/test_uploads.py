import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.simulator.errors import ApiError
from services.simulator.files import FileShelf
from services.simulator.owned.stores import StoreDesk
from services.simulator.upload_calls import split_multipart
from services.simulator.uploads import GRANULE, FileOrder, PreemptedError, Session, UploadDesk

ORDER = FileOrder(project="alpha", key="key-one-1")


def start(order: FileOrder = ORDER) -> tuple[UploadDesk, Session]:
    desk = UploadDesk(FileShelf(lambda: 1000.0), StoreDesk(lambda: 1000.0))
    return desk, desk.start(order)


def hashed(data: bytes) -> str:
    return base64.b64encode(hashlib.sha256(data).digest()).decode()


def test_whole_granules_survive_a_broken_connection() -> None:
    desk, session = start()
    data = b"ab" * (GRANULE // 2) + b"c" * GRANULE + b"d" * 100
    writer = session.begin()
    session.take(writer, data[: GRANULE + 5])
    assert session.received == GRANULE

    writer = session.begin()
    session.take(writer, data[GRANULE:])
    session.keep(writer)
    file = desk.finish(session)["file"]

    assert file["sizeBytes"] == str(len(data))
    assert file["sha256Hash"] == hashed(data)


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_the_hash_is_that_of_all_bytes_however_they_arrive(pieces: list[bytes]) -> None:
    desk, session = start()
    writer = session.begin()
    for piece in pieces:
        session.take(writer, piece)
    session.keep(writer)

    assert desk.finish(session)["file"]["sha256Hash"] == hashed(b"".join(pieces))
    assert session.content == b"".join(pieces)


def test_the_newest_writer_wins() -> None:
    _, session = start()
    older = session.begin()
    session.begin()

    with pytest.raises(PreemptedError):
        session.take(older, b"late")
    with pytest.raises(PreemptedError):
        session.keep(older)


def test_another_size_than_announced_is_refused() -> None:
    desk, session = start(FileOrder(project="alpha", key="k", size_bytes=4))
    writer = session.begin()
    session.take(writer, b"five!")
    session.keep(writer)

    with pytest.raises(ApiError, match="4 were announced"):
        desk.finish(session)


def test_more_than_two_gibibytes_are_refused_at_the_start() -> None:
    with pytest.raises(ApiError, match="exceeds the limit"):
        start(FileOrder(project="alpha", key="k", size_bytes=2 * 1024**3 + 1))


@given(st.binary(max_size=300), st.sampled_from(["multipart/related", "multipart/form-data"]))
def test_multipart_keeps_every_byte(media: bytes, kind: str) -> None:
    body = (
        b'--b1\r\nContent-Type: application/json; charset=utf-8\r\n\r\n{"file":{}}\r\n'
        b"--b1\r\ncontent-type: image/png\r\n\r\n" + media.replace(b"--b1", b"") + b"\r\n--b1--\r\n"
    )

    parts = split_multipart(f'{kind}; boundary="b1"', body)

    assert parts == [
        ("application/json; charset=utf-8", b'{"file":{}}'),
        ("image/png", media.replace(b"--b1", b"")),
    ]


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/related", b"--b1\r\n\r\nx\r\n--b1--"),
        ("multipart/related; boundary=b1", b"no boundary at all"),
        ("multipart/related; boundary=b1", b"--b1\r\n\r\nnever closed"),
    ],
)
def test_malformed_multipart_is_refused(content_type: str, body: bytes) -> None:
    with pytest.raises(ApiError):
        split_multipart(content_type, body)
