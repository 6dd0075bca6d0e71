"""What every store of uploads promises."""

from datetime import UTC, datetime, timedelta

import pytest

from services.files.errors import (
    BuffersFullError,
    UploadCancelledError,
    UploadFinalizedError,
    UploadPreemptedError,
    UploadUnknownError,
)
from services.files.keeping.manifest import Manifest
from services.files.records import FileRecord
from services.files.store import UploadStore
from services.files.uploads import Answer, Session, Upload, UploadOrder, UploadState
from services.kit.errors import ServiceError
from tests.contract.files.conftest import OpenStore
from tests.support.waiting import eventually

ORDER = UploadOrder("ada", "default", "upload/v1beta/files", b'{"file":{}}', "image/png", 12)
MANIFEST = Manifest("a" * 32, b"sealed", 1024)
ANSWER = Answer(200, "application/json", b'{"file":{"name":"files/a"}}')


@pytest.fixture
def store(open_store: OpenStore) -> UploadStore:
    return open_store()


async def begun(store: UploadStore, name: str = "one", hint: str = "") -> Upload:
    """Make an upload unless there is one, and begin a write."""
    if await store.read(name) is None:
        await store.create(name, ORDER, "")
    upload = await store.begin(name, hint)
    assert upload is not None
    return upload


async def read(store: UploadStore, name: str = "one") -> Upload:
    upload = await store.read(name)
    assert upload is not None
    return upload


async def finish(store: UploadStore, upload: Upload, state: UploadState) -> None:
    await store.finish(upload, state, ANSWER, size=12, file="", record=None)


async def test_what_was_ordered_is_kept(store: UploadStore) -> None:
    order = UploadOrder(
        client_id="ada",
        pool="other",
        path="upload/v1beta/fileSearchStores/s:uploadToFileSearchStore",
        body=b'{"displayName":"\xc3\xa9"}',
        file_names=("a.png", "b"),
        name="files/x",
        parent="fileSearchStores/s",
    )
    assert await store.create("one", order, "") == ("one", False)

    upload = await read(store)

    assert upload.order == order
    assert (upload.state, upload.offset, upload.tail) == (UploadState.ACTIVE, 0, 0)
    assert (upload.project_id, upload.session, upload.fence) == ("", None, 0)
    assert await store.read("two") is None
    assert await store.begin("two", "") is None


async def test_a_repeated_request_finds_the_upload_that_it_made(store: UploadStore) -> None:
    assert await store.create("one", ORDER, "r") == ("one", False)
    assert await store.create("two", ORDER, "r") == ("one", True)
    assert await store.create("three", ORDER, "") == ("three", False)

    await store.drop(await read(store), "r")

    assert await store.read("one") is None
    assert await store.create("four", ORDER, "r") == ("four", False)


async def test_each_writer_has_a_higher_fence(store: UploadStore) -> None:
    fences = [(await begun(store)).fence for _ in range(3)]

    assert fences == sorted(set(fences))


async def test_only_a_writer_after_one_that_did_not_end_is_told_so(store: UploadStore) -> None:
    first = await begun(store)
    second = await begun(store)
    await store.end(first)
    third = await begun(store)
    await store.end(third)
    fourth = await begun(store)

    dirt = [upload.is_dirty for upload in (first, second, third, fourth)]
    assert dirt == [False, True, True, False]


async def test_the_first_hint_stays(store: UploadStore) -> None:
    hints = [(await begun(store, hint=hint)).hint for hint in ("", "image/png", "text/html", "")]

    assert hints == ["", "image/png", "image/png", "image/png"]


async def test_the_session_and_its_project_are_remembered(store: UploadStore) -> None:
    upload = await begun(store)
    session = Session("/upload?upload_id=x", "http://proxy", 1024)

    await store.choose(upload, "p1")
    await store.open(upload, "p2", session, MANIFEST)

    found = await read(store)
    assert (found.project_id, found.session, found.granule) == ("p2", session, 1024)
    assert found.kept == MANIFEST


async def test_how_bytes_are_kept_may_change(store: UploadStore) -> None:
    upload = await begun(store)
    await store.open(upload, "p", Session("/u", "", 1024), MANIFEST)

    await store.keep(upload, None)

    assert (await read(store)).kept is None


async def test_a_commit_never_goes_back(store: UploadStore) -> None:
    upload = await begun(store)
    for offset in (5, 3, 5, 9):
        await store.commit(upload, offset)

    assert (await read(store)).committed_size == 9


async def test_a_tail_grows_by_the_next_byte_alone_and_once(store: UploadStore) -> None:
    upload = await begun(store)
    await store.commit(upload, 10)
    for _ in range(2):
        await store.append_tail(upload, 10, memoryview(b"abc"))
    await store.append_tail(upload, 13, memoryview(b"de"))

    found = await read(store)
    assert (found.offset, found.tail, found.committed_size) == (10, 5, 15)
    into = bytearray(5)
    await store.read_tail(found, memoryview(into))
    assert bytes(into) == b"abcde"


@pytest.mark.parametrize("offset", [1, 3, 5, 8])
async def test_a_commit_takes_what_went_from_the_tail(store: UploadStore, offset: int) -> None:
    upload = await begun(store)
    await store.append_tail(upload, 0, memoryview(b"abcde"))

    await store.commit(upload, offset)

    found = await read(store)
    assert (found.offset, found.committed_size) == (offset, max(5, offset))
    into = bytearray(found.tail)
    await store.read_tail(found, memoryview(into))
    assert bytes(into) == b"abcde"[offset:]


async def test_a_tail_that_was_moved_cannot_be_read(store: UploadStore) -> None:
    upload = await begun(store)
    await store.append_tail(upload, 0, memoryview(b"abcde"))
    await store.commit(upload, 2)

    with pytest.raises(UploadPreemptedError):
        await store.read_tail(upload, memoryview(bytearray(5)))


async def test_all_tails_share_one_bound(open_store: OpenStore) -> None:
    store = open_store(tail_bytes=8)
    first, second = await begun(store, "one"), await begun(store, "two")
    await store.append_tail(first, 0, memoryview(b"abcde"))

    with pytest.raises(BuffersFullError):
        await store.append_tail(second, 0, memoryview(b"abcd"))
    await store.append_tail(second, 0, memoryview(b"abc"))

    assert (await read(store, "two")).tail == 3


@pytest.mark.parametrize("how", ["commit", "cancel", "finalize", "fail", "drop"])
async def test_room_is_given_back(open_store: OpenStore, how: str) -> None:
    store = open_store(tail_bytes=8)
    first, second = await begun(store, "one"), await begun(store, "two")
    await store.append_tail(first, 0, memoryview(b"abcdefgh"))

    match how:
        case "commit":
            await store.commit(first, 8)
        case "cancel":
            await store.cancel("one")
        case "finalize":
            await finish(store, first, UploadState.FINALIZED)
        case "fail":
            await finish(store, first, UploadState.FAILED)
        case "drop":
            await store.drop(first, "")

    await store.append_tail(second, 0, memoryview(b"abcdefgh"))
    assert (await read(store, "two")).tail == 8


async def test_an_older_writer_changes_nothing(store: UploadStore) -> None:
    older = await begun(store)
    newer = await begun(store)
    await store.commit(newer, 4)
    session = Session("/u", "", 1024)

    for call in (
        store.commit(older, 9),
        store.append_tail(older, 4, memoryview(b"x")),
        store.open(older, "p", session, None),
        store.keep(older, MANIFEST),
        store.choose(older, "p"),
        finish(store, older, UploadState.FINALIZED),
    ):
        with pytest.raises(UploadPreemptedError):
            await call

    found = await read(store)
    assert (found.committed_size, found.session, found.state) == (4, None, UploadState.ACTIVE)


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (UploadState.CANCELLED, UploadCancelledError),
        (UploadState.FINALIZED, UploadFinalizedError),
        (UploadState.FAILED, UploadFinalizedError),
    ],
)
async def test_an_upload_that_has_ended_stays_as_it_is(
    store: UploadStore, end: UploadState, error: type[ServiceError]
) -> None:
    upload = await begun(store)
    await store.commit(upload, 4)
    await (store.cancel("one") if end is UploadState.CANCELLED else finish(store, upload, end))

    for call in (
        store.commit(upload, 9),
        store.append_tail(upload, 4, memoryview(b"x")),
        store.open(upload, "p", Session("/u", "", 1), None),
        store.keep(upload, MANIFEST),
    ):
        with pytest.raises(error):
            await call
    before, is_new = await store.cancel("one") or (None, True)
    assert before is not None
    assert (before.state, is_new) == (end, False)
    assert (await begun(store)).fence == upload.fence
    assert (await read(store)).state is end


async def test_the_end_is_recorded_with_the_file_and_may_be_repeated(store: UploadStore) -> None:
    upload = await begun(store)
    now = datetime.now(UTC)
    record = FileRecord("files/a", "ada", "default", "p", b"{}", now, now + timedelta(hours=1))
    for _ in range(2):
        await store.finish(
            upload, UploadState.FINALIZED, ANSWER, size=7, file="files/a", record=record
        )

    found = await read(store)
    assert (found.committed_size, found.file, found.answer) == (7, "files/a", ANSWER)
    assert found.session is None


async def test_what_never_was_cannot_change(store: UploadStore) -> None:
    upload = await begun(store)
    await store.drop(upload, "")

    for call in (store.commit(upload, 1), finish(store, upload, UploadState.FINALIZED)):
        with pytest.raises(UploadUnknownError):
            await call
    assert await store.cancel("one") is None


async def test_an_upload_whose_time_is_over_is_swept_once(open_store: OpenStore) -> None:
    store = open_store(lives=timedelta(milliseconds=1), tail_bytes=4)
    upload_id, _ = await store.create("one", ORDER, "")
    await eventually(lambda: store.read(upload_id), lambda found: found is None)

    assert await store.begin("one", "") is None
    assert await store.cancel("one") is None
    swept = await store.sweep(10)
    assert [upload.order for upload in swept] == [ORDER]
    assert await store.sweep(10) == []
