"""Media in Redis. Ids stand there as digests."""

import hashlib
import json
from datetime import datetime, timedelta

from services.files.errors import MediaFullError
from services.files.keeping.manifest import Manifest, from_row, to_row
from services.files.media import Medium
from services.files.redis_scripts import load_script, run_of
from services.kit.redis_scripts import RedisPort, from_ms, to_ms

_ANNOUNCE = load_script("announce_kept")
_PUT = load_script("put_medium")
_READ = load_script("read_medium")


class RedisMediaStore:
    """See `MediaStore`."""

    def __init__(self, port: RedisPort, *, lives: timedelta, max_bytes: int) -> None:
        """Work over a port.

        Args:
            port: The way to Redis.
            lives: How long media are kept.
            max_bytes: The most bytes of all media in Redis.
        """
        self._port = port
        self._lives = to_ms(lives)
        self._max_bytes = max_bytes

    async def announce(self, kept: Manifest, lives: timedelta) -> None:
        """See `MediaStore.announce`."""
        await self._port.run(run_of(_ANNOUNCE, kept.kept_id, to_ms(lives)))

    async def put_kept(self, media_id: str, mime_type: str, kept: Manifest) -> datetime:
        """See `MediaStore.put_kept`."""
        row = json.dumps(to_row(kept))
        return await self._put(media_id, mime_type, kept.size, b"", (row, kept.kept_id))

    async def put(self, media_id: str, mime_type: str, content: bytes) -> datetime:
        """See `MediaStore.put`."""
        return await self._put(media_id, mime_type, len(content), content, ("", ""))

    async def read(self, media_id: str, at: int, size: int) -> tuple[Medium, bytes] | None:
        """See `MediaStore.read`."""
        [row] = await self._port.run(run_of(_READ, _digest(media_id), at, size))
        if not row:
            return None
        mime_type, whole, ends, kept, content = row
        manifest = from_row(json.loads(kept)) if kept else None
        return Medium(mime_type.decode(), int(whole), from_ms(ends), manifest), content

    async def _put(
        self, media_id: str, mime_type: str, size: int, content: bytes, kept: tuple[str, str]
    ) -> datetime:
        [reply] = await self._port.run(
            run_of(
                _PUT,
                _digest(media_id),
                mime_type,
                size,
                self._lives,
                content,
                self._max_bytes,
                *kept,
            )
        )
        if not reply[0]:
            raise MediaFullError(timedelta(milliseconds=reply[1]))
        return from_ms(reply[0])


def _digest(media_id: str) -> str:
    return hashlib.sha256(media_id.encode("utf-8", "surrogatepass")).hexdigest()
