"""Whatever pieces an upstream takes, what is kept reads as what was sent."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.files.keeping.keeper import Keeper
from services.files.keeping.manifest import Manifest
from services.files.keeping.object_store import ObjectMissingError, ObjectStoreError
from services.files.keeping.part_reader import PartReader
from services.files.safekeeping import Putting, Safekeeping
from services.files.store import UploadStore
from services.files.uploads import Upload, UploadOrder, UploadState
from services.kit.errors import StoreUnavailableError
from services.kit.vault import Vault

PART = 10
VAULT = Vault("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
NOW = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass
class Memory:
    """A store of bytes, and of what is known of an upload's keeping."""

    objects: dict[str, bytes] = field(default_factory=dict)
    known: list[Manifest | None] = field(default_factory=list)
    is_broken: bool = False

    async def put(self, name: str, content: bytes | memoryview) -> None:
        if self.is_broken:
            raise ObjectStoreError("broken")
        self.objects[name] = bytes(content)

    async def get(self, name: str) -> bytes:
        if name not in self.objects:
            raise ObjectMissingError("no such object")
        return self.objects[name]

    async def drop(self, folder: str) -> None:
        self.objects = {n: c for n, c in self.objects.items() if not n.startswith(folder)}

    async def keep(self, upload: Upload, kept: Manifest | None) -> None:
        self.known.append(kept)


def an_upload(kept: Manifest | None, path: str = "upload/v1beta/files") -> Upload:
    order = UploadOrder("ada", "default", path, b"")
    return Upload("key", order, UploadState.ACTIVE, 0, 0, NOW, NOW, kept=kept)


def keeping(memory: Memory) -> tuple[Keeper, Safekeeping]:
    keeper = Keeper(memory, VAULT)
    return keeper, Safekeeping(keeper, cast("UploadStore", memory))


@settings(max_examples=60, deadline=None)
@given(
    size=st.integers(0, 75),
    taken=st.lists(st.integers(1, PART), max_size=12),
    reads=st.lists(st.integers(1, 25), min_size=1, max_size=30),
    is_ahead=st.booleans(),
)
def test_what_is_kept_reads_as_what_was_sent(
    size: int, taken: list[int], reads: list[int], is_ahead: bool
) -> None:
    content = bytes(range(size))
    memory = Memory()
    keeper, parts = keeping(memory)

    async def run() -> bytes:
        putting = Putting(parts)
        kept: Manifest | None = keeper.begin(PART)
        at = 0
        while at < size:
            piece = memoryview(content)[at : at + PART]
            putting.ahead(kept, at + PART, memoryview(content)[at + PART : at + 2 * PART])
            kept = await putting.keep(an_upload(kept), at, piece)
            at += min(len(piece), taken.pop() if taken else PART)
        await putting.close()
        assert kept is not None
        # Another writer knows no more than what was told before anything was sent.
        assert memory.known == [] or memory.known[-1] == kept
        reader = PartReader(keeper, replace(kept, size=size), is_ahead=is_ahead)
        found = b""
        while len(found) < size:
            wanted = min(reads[len(found) % len(reads)], size - len(found))
            found += await reader.read(len(found), wanted)
        await reader.close()
        return found

    assert asyncio.run(run()) == content


async def test_a_part_is_there_before_it_is_told_of() -> None:
    class Forgetful(Memory):
        """Notes what it is told, and does not answer."""

        async def keep(self, upload: Upload, kept: Manifest | None) -> None:
            await super().keep(upload, kept)
            raise StoreUnavailableError("the store does not answer")

    memory = Forgetful()
    keeper, parts = keeping(memory)

    with pytest.raises(StoreUnavailableError):
        await Putting(parts).keep(an_upload(keeper.begin(PART)), 7, memoryview(b"rest"))

    [told] = memory.known
    assert told is not None
    reader = PartReader(keeper, replace(told, size=11))
    assert bytes(await reader.read(7, 4)) == b"rest"


async def test_a_store_that_breaks_is_told_once_and_asked_no_more() -> None:
    memory = Memory(is_broken=True)
    keeper, parts = keeping(memory)
    putting = Putting(parts)

    kept = await putting.keep(an_upload(keeper.begin(PART)), 0, memoryview(b"0123456789"))
    assert kept is None
    memory.is_broken = False
    kept = await putting.keep(an_upload(kept), PART, memoryview(b"0123456789"))

    assert kept is None
    assert memory.known == [None]
    assert memory.objects == {}


async def test_a_part_that_became_shorter_is_not_passed_off() -> None:
    memory = Memory()
    keeper, _ = keeping(memory)
    manifest = replace(keeper.begin(PART), size=2 * PART)
    await keeper.put(manifest, 0, b"0123456789")
    await keeper.put(manifest, PART, b"012")

    reader = PartReader(keeper, manifest, is_ahead=True)

    with pytest.raises(ObjectStoreError, match="shorter"):
        await reader.read(0, 2 * PART)
    await reader.close()


@pytest.mark.parametrize(
    ("path", "is_kept"),
    [
        ("upload/v1beta/files", True),
        ("upload/v1beta/fileSearchStores/x:uploadToFileSearchStore", False),
        ("upload/v1beta/corpora/x/files", False),
        ("upload/v1beta/media", False),
    ],
)
def test_only_files_are_kept(path: str, is_kept: bool) -> None:
    _, parts = keeping(Memory())
    parent = path.split("/")[2:4] if path.count("/") > 2 else []
    order = UploadOrder("ada", "default", path, b"", parent="/".join(parent))

    assert (parts.begin(order, PART) is not None) is is_kept


@dataclass
class Stuck(Memory):
    """Never gives the second part."""

    async def get(self, name: str) -> bytes:
        if name == list(self.objects)[1]:
            await asyncio.Event().wait()
        return await super().get(name)


async def test_reading_elsewhere_ends_what_was_fetched_ahead() -> None:
    memory = Stuck()
    keeper, _ = keeping(memory)
    kept = keeper.begin(PART)
    for start in (0, PART, 2 * PART):
        await keeper.put(kept, start, bytes(PART))
    reader = PartReader(keeper, replace(kept, size=3 * PART), is_ahead=True)
    before = asyncio.all_tasks()

    for at in (0, 2 * PART, 0, 2 * PART):
        await reader.read(at, 1)
    await reader.close()

    assert asyncio.all_tasks() <= before
