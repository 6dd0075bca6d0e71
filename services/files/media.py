"""Generated media, kept for a while for whoever knows their ids."""

import asyncio
import secrets
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from services.files.errors import KeptBytesUnavailableError, MediumUnknownError
from services.files.keeping.keeper import Keeper
from services.files.keeping.manifest import Manifest
from services.files.keeping.object_store import ObjectStoreError
from services.files.keeping.part_reader import PartReader
from services.kit.logs import get_logger

log = get_logger(__name__)

LARGEST_MEDIUM = 20 * 1024 * 1024

_ID_BYTES = 16
_PIECE = 1024 * 1024
_MOST_AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Medium:
    """What is known of a medium.

    Attributes:
        mime_type: Its type.
        size: Its bytes.
        expire_time: When it is dropped.
        kept: Its parts in the store of bytes; None when its bytes are in Redis.
    """

    mime_type: str
    size: int
    expire_time: datetime
    kept: Manifest | None = None


class MediaStore(Protocol):
    """Keeps media until their time is over. All methods raise `StoreUnavailableError`."""

    async def announce(self, kept: Manifest, lives: timedelta) -> None:
        """Let what will be kept be dropped some time, whatever happens next."""

    async def put_kept(self, media_id: str, mime_type: str, kept: Manifest) -> datetime:
        """Remember a medium whose bytes are kept elsewhere; return when it ends."""

    async def put(self, media_id: str, mime_type: str, content: bytes) -> datetime:
        """Keep a medium with its bytes; return when it ends.

        Raises:
            MediaFullError: All together would be longer than their bound.
        """

    async def read(self, media_id: str, at: int, size: int) -> tuple[Medium, bytes] | None:
        """Return a medium and some of its bytes, None when there is none.

        The bytes are empty when they are kept elsewhere.
        """


class Media:
    """Puts media away and finds them again."""

    def __init__(self, store: MediaStore, keeper: Keeper | None, *, lives: timedelta) -> None:
        """Take where media are kept.

        Args:
            store: Remembers them.
            keeper: Keeps their bytes; without one the store does.
            lives: How long they are kept.
        """
        self._store = store
        self._keeper = keeper
        self._lives = lives
        self.turns = asyncio.Semaphore(_MOST_AT_ONCE)
        """Whoever brings a medium holds all of it in memory, so only some do at one time."""

    async def put(self, mime_type: str, content: bytes) -> tuple[str, datetime]:
        """Keep a medium; return its id and when it is dropped.

        Raises:
            MediaFullError: There is no room.
            KeptBytesUnavailableError: The store of bytes did not take it.
        """
        media_id = secrets.token_urlsafe(_ID_BYTES)
        if self._keeper is None:
            return media_id, await self._store.put(media_id, mime_type, content)
        try:
            kept = await self._keep(self._keeper, content)
        except ObjectStoreError as error:
            log.warning("a medium cannot be kept", error=str(error))
            raise KeptBytesUnavailableError from error
        return media_id, await self._store.put_kept(media_id, mime_type, kept)

    async def get(
        self, media_id: str, at: int, limit: int | None
    ) -> tuple[Medium, AsyncGenerator[bytes | memoryview, None]]:
        """Return a medium and its bytes from an offset on.

        Raises:
            MediumUnknownError: There is none.
            KeptBytesUnavailableError: While its bytes are read: they cannot be had.
        """
        wanted = LARGEST_MEDIUM if limit is None else limit
        found = await self._store.read(media_id, at, min(_PIECE, wanted))
        if found is None:
            raise MediumUnknownError
        medium, first = found
        end = min(medium.size, at + wanted)
        if medium.kept is None:
            return medium, self._from_store(media_id, first, at, end)
        return medium, self._from_keeper(medium.kept, at, end)

    async def _keep(self, keeper: Keeper, content: bytes) -> Manifest:
        kept = keeper.begin(_PIECE).with_size(len(content))
        await self._store.announce(kept, self._lives)
        view = memoryview(content)
        for part in kept.parts:
            await keeper.put(kept, part.start, view[part.start : part.end])
        return kept

    async def _from_store(
        self, media_id: str, first: bytes, at: int, end: int
    ) -> AsyncGenerator[bytes | memoryview, None]:
        piece = first
        while at < end:
            yield piece
            at += len(piece)
            if at < end:
                found = await self._store.read(media_id, at, min(_PIECE, end - at))
                if found is None:
                    raise MediumUnknownError
                piece = found[1]

    async def _from_keeper(
        self, kept: Manifest, at: int, end: int
    ) -> AsyncGenerator[bytes | memoryview, None]:
        if self._keeper is None:
            raise KeptBytesUnavailableError
        reader = PartReader(self._keeper, kept)
        try:
            while at < end:
                piece = await reader.read(at, min(_PIECE, end - at))
                yield piece
                at += len(piece)
        except ObjectStoreError as error:
            log.warning("a kept medium cannot be read", error=str(error))
            raise KeptBytesUnavailableError from error
        finally:
            await reader.close()
