"""Files that bear the same name one after the other: what is late for one misses the next."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from services.files.keeping.manifest import Manifest
from services.files.records import FileCopy, FileRecord, new_generation, record_of
from services.files.redis_copy_store import RedisCopyStore
from services.files.redis_file_store import RedisFileStore
from services.files.redis_kept_store import RedisKeptStore
from services.files.redis_upload_store import RedisUploadStore
from services.files.store import ClaimState
from services.files.uploads import Answer, UploadOrder, UploadState
from services.kit.redis_client import open_redis
from services.kit.redis_scripts import RedisPort
from services.kit.vault import Vault
from tests.contract.files.conftest import BOUNDLESS

NAME = "files/chosen"
LASTS = timedelta(seconds=15)


@dataclass
class Shelf:
    """The stores over one Valkey."""

    uploads: RedisUploadStore
    files: RedisFileStore
    copies: RedisCopyStore
    kept: RedisKeptStore

    async def made(self, client_id: str = "ada", **fields: object) -> FileRecord:
        """Return the file that an upload has just become."""
        now = datetime.now(UTC)
        record = record_of(
            {"name": NAME}, client_id=client_id, pool="default", project_id="p", now=now
        )
        assert record is not None
        record = replace(record, generation=new_generation(), **fields)  # type: ignore[arg-type]
        upload_id = record.generation
        order = UploadOrder(client_id, "default", "upload/v1beta/files", b"", name=NAME)
        await self.uploads.create(upload_id, order, "")
        assert await self.uploads.begin(upload_id, "")
        upload = await self.uploads.read(upload_id)
        assert upload is not None
        await self.uploads.finish(
            upload, UploadState.FINALIZED, Answer(200, "", b""), size=1, file=NAME, record=record
        )
        return await self.found()

    async def made_again(self, client_id: str = "ada") -> tuple[FileRecord, FileRecord]:
        """Return a file that has gone, and the one that bears its name now."""
        before = await self.made()
        assert await self.files.drop(before)
        return before, await self.made(client_id)

    async def found(self) -> FileRecord:
        record = await self.files.read("default", NAME)
        assert record is not None
        return record


@pytest.fixture
async def shelf(redis_url: str) -> AsyncIterator[Shelf]:
    redis = open_redis(redis_url, name="contract")
    port, vault = RedisPort(redis), Vault("a key-encryption key for tests")
    uploads = RedisUploadStore(port, vault, lives=timedelta(hours=1), **BOUNDLESS)
    yield Shelf(uploads, RedisFileStore(port), RedisCopyStore(port), RedisKeptStore(port))
    await redis.aclose()


def copy_of(project_id: str) -> FileCopy:
    return FileCopy(project_id, "files/copy", "uri", datetime.now(UTC) + timedelta(hours=1))


async def test_a_late_claim_finds_nothing(shelf: Shelf) -> None:
    before, after = await shelf.made_again()

    assert (await shelf.copies.claim(before, "q", "late", LASTS)).state is ClaimState.GONE
    assert (await shelf.copies.claim(after, "q", "new", LASTS)).state is ClaimState.TAKEN


async def test_a_right_to_copy_the_one_before_holds_nobody_up(shelf: Shelf) -> None:
    before = await shelf.made()
    assert (await shelf.copies.claim(before, "q", "late", LASTS)).state is ClaimState.TAKEN
    await shelf.files.drop(before)
    after = await shelf.made()

    assert (await shelf.copies.claim(after, "q", "new", LASTS)).state is ClaimState.TAKEN
    await shelf.copies.release(before, "q", "late")
    assert (await shelf.copies.claim(after, "q", "third", LASTS)).state is ClaimState.HELD


async def test_a_late_copy_is_not_the_next_files(shelf: Shelf) -> None:
    before = await shelf.made()
    await shelf.copies.claim(before, "q", "late", LASTS)
    await shelf.files.drop(before)
    await shelf.made()

    assert await shelf.copies.put(before, "q", "late", copy_of("q")) is ClaimState.GONE
    assert not (await shelf.found()).copies


async def test_a_late_change_changes_nothing(shelf: Shelf) -> None:
    before, after = await shelf.made_again()

    assert not await shelf.files.change(replace(before, upstream=b'{"name":"other"}'))
    assert await shelf.found() == after
    assert await shelf.files.change(replace(after, upstream=b'{"state":"ACTIVE"}'))


async def test_a_late_drop_takes_only_what_was_kept_of_the_one_before(shelf: Shelf) -> None:
    kept = Manifest("kept-before", b"key", 10, size=1)
    before = await shelf.made(kept=kept)
    await shelf.files.drop(before)
    after = await shelf.made()
    await shelf.copies.claim(after, "q", "new", LASTS)
    await shelf.copies.put(after, "q", "new", copy_of("q"))

    assert not await shelf.files.drop(before)

    assert [copy.project_id for copy in (await shelf.found()).copies] == ["q"]
    listed, _ = await shelf.files.list_of("default", "ada", 10, None)
    assert [record.generation for record in listed] == [after.generation]
    assert ("kept-before", False) in await shelf.kept.due(10)


async def test_what_is_dropped_twice_was_dropped_once(shelf: Shelf) -> None:
    record = await shelf.made()

    assert await shelf.files.drop(record)
    assert not await shelf.files.drop(record)


async def test_a_name_that_ended_by_itself_shows_its_former_owner_nothing(shelf: Shelf) -> None:
    await shelf.made("ada")
    # As if it had ended: its record goes, the list is cleaned later.
    await shelf.made("bob")

    listed, _ = await shelf.files.list_of("default", "ada", 10, None)
    assert listed == []
    listed, _ = await shelf.files.list_of("default", None, 10, None)
    assert [record.client_id for record in listed] == ["bob"]
