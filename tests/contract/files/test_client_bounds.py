"""No client takes the room of the others: open uploads, and bytes that fill no granule."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.files.errors import ClientBuffersFullError, TooManyUploadsError
from services.files.store import UploadStore
from services.files.uploads import Answer, Upload, UploadOrder, UploadState
from tests.contract.files.conftest import OpenStore
from tests.support.waiting import eventually

ADA = UploadOrder("ada", "default", "upload/v1beta/files", b"{}")
BOB = replace(ADA, client_id="bob")
ELSEWHERE = replace(ADA, pool="other")


async def begun(store: UploadStore, name: str, order: UploadOrder = ADA) -> Upload:
    await store.create(name, order, "")
    upload = await store.begin(name, "")
    assert upload is not None
    return upload


async def test_a_client_has_so_many_open_uploads(open_store: OpenStore) -> None:
    store = open_store(client_uploads=2)
    for name in ("one", "two"):
        await store.create(name, ADA, name)

    with pytest.raises(TooManyUploadsError) as failure:
        await store.create("three", ADA, "three")

    assert failure.value.metadata == {"limit": "2"}
    assert failure.value.retry_delay
    assert await store.read("three") is None
    # A repeated request makes none; others have their own.
    assert await store.create("again", ADA, "one") == ("one", True)
    await store.create("four", BOB, "")
    await store.create("five", ELSEWHERE, "")


@pytest.mark.parametrize("how", ["cancel", "finalize", "fail", "drop"])
async def test_an_upload_that_has_ended_makes_room(open_store: OpenStore, how: str) -> None:
    store = open_store(client_uploads=1)
    upload = await begun(store, "one")
    answer = Answer(200, "", b"")

    match how:
        case "cancel":
            await store.cancel("one")
        case "drop":
            await store.drop(upload, "")
        case _:
            state = UploadState.FINALIZED if how == "finalize" else UploadState.FAILED
            await store.finish(upload, state, answer, size=0, file="", record=None)

    await store.create("two", ADA, "")
    assert await store.read("two")


async def test_an_upload_that_was_left_makes_room(open_store: OpenStore) -> None:
    store = open_store(lives=timedelta(milliseconds=200), client_uploads=1)
    await store.create("one", ADA, "")

    async def is_made() -> bool:
        try:
            await store.create("two", ADA, "")
        except TooManyUploadsError:
            return False
        return True

    await eventually(is_made, bool)


async def test_the_tails_of_a_client_have_so_much_room(open_store: OpenStore) -> None:
    store = open_store(client_tail_bytes=8)
    first, second = await begun(store, "one"), await begun(store, "two")
    other = await begun(store, "three", BOB)
    await store.append_tail(first, 0, memoryview(b"abcde"))

    with pytest.raises(ClientBuffersFullError) as failure:
        await store.append_tail(second, 0, memoryview(b"abcd"))

    assert failure.value.retry_delay
    await store.append_tail(other, 0, memoryview(b"abcdefgh"))
    await store.append_tail(second, 0, memoryview(b"abc"))
    await store.commit(first, 5)
    await store.append_tail(second, 3, memoryview(b"defgh"))


@pytest.mark.parametrize("how", ["cancel", "drop", "sweep"])
async def test_room_of_a_client_is_given_back(open_store: OpenStore, how: str) -> None:
    lives = timedelta(milliseconds=200) if how == "sweep" else timedelta(hours=1)
    store = open_store(lives=lives, client_tail_bytes=8)
    first = await begun(store, "one")
    await store.append_tail(first, 0, memoryview(b"abcdefgh"))

    match how:
        case "cancel":
            await store.cancel("one")
        case "drop":
            await store.drop(first, "")
        case _:
            await eventually(lambda: store.sweep(10), bool)

    second = await begun(store, "two")
    await store.append_tail(second, 0, memoryview(b"abcdefgh"))
