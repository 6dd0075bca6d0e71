"""Reading a kept file from its beginning to its end, the next part while one is used."""

import asyncio

from services.files.keeping.keeper import Keeper
from services.files.keeping.manifest import Manifest, Part
from services.files.keeping.object_store import ObjectStoreError
from services.kit.background import end_tasks


class PartReader:
    """Holds one part, and a second one when it reads ahead. Close it."""

    def __init__(self, keeper: Keeper, manifest: Manifest, *, is_ahead: bool = False) -> None:
        """Read the file of a manifest.

        Args:
            keeper: Has the parts.
            manifest: Of the file.
            is_ahead: Whether the next part is fetched before it is asked for.
        """
        self._keeper = keeper
        self._manifest = manifest
        self._parts = tuple(manifest.parts)
        self._is_ahead = is_ahead
        self._at = -1
        self._held = memoryview(b"")
        self._next: tuple[int, asyncio.Task[memoryview]] | None = None

    async def read(self, at: int, size: int) -> memoryview:
        """Return bytes of the file; reading on is cheaper than reading back.

        Raises:
            ObjectStoreError: They cannot be had.
        """
        found: list[memoryview] = []
        while size > 0:
            piece = (await self._part_at(at))[:size]
            found.append(piece)
            at += len(piece)
            size -= len(piece)
        if len(found) == 1:
            return found[0]
        return memoryview(b"".join(found))

    async def close(self) -> None:
        """Let go of everything."""
        self._held = memoryview(b"")
        await self._end_next()

    async def _part_at(self, at: int) -> memoryview:
        """Return the rest of the part that holds an offset."""
        index = next(n for n, part in enumerate(self._parts) if part.start <= at < part.end)
        if index != self._at:
            self._held = memoryview(b"")
            self._held = await self._load(index)
            self._at = index
            if self._is_ahead and index + 1 < len(self._parts):
                task = asyncio.create_task(self._fetch(self._parts[index + 1]))
                self._next = index + 1, task
        return self._held[at - self._parts[index].start :]

    async def _load(self, index: int) -> memoryview:
        if self._next is not None and self._next[0] == index:
            _, task = self._next
            found = await task
            self._next = None
            return found
        # What was fetched ahead is not what is read.
        await self._end_next()
        return await self._fetch(self._parts[index])

    async def _end_next(self) -> None:
        if self._next is None:
            return
        _, task = self._next
        await end_tasks([task])
        self._next = None
        if not task.cancelled():
            # Read, so that nobody is told of a failure that does not matter any more.
            task.exception()

    async def _fetch(self, part: Part) -> memoryview:
        content = await self._keeper.get(self._manifest, part.start)
        if len(content) < part.size:
            raise ObjectStoreError("a kept part is shorter than it was")
        return content[: part.size]
