"""Bytes kept in memory as they are, for rules that do not ask how they are sealed."""

import asyncio

from services.files.keeping.keeper import Keeper
from services.files.keeping.manifest import Manifest, new_kept_id
from services.files.keeping.object_store import ObjectMissingError


class PlainKeeper(Keeper):
    """See `Keeper`. No threads, so it works on any loop."""

    def __init__(self) -> None:
        self.parts: dict[str, bytes] = {}

    def begin(self, part_size: int) -> Manifest:
        return Manifest(new_kept_id(), b"", part_size)

    async def put(self, manifest: Manifest, start: int, content: bytes | memoryview) -> None:
        # What is kept is what stands there at the end, as a sealing thread would see it.
        await asyncio.sleep(0.005)
        self.parts[manifest.object_name(start)] = bytes(content)

    async def get(self, manifest: Manifest, start: int) -> memoryview:
        await asyncio.sleep(0)
        if (name := manifest.object_name(start)) not in self.parts:
            raise ObjectMissingError(name)
        return memoryview(self.parts[name])
