"""Fetches what stands behind a web address of the public internet."""

import asyncio
import socket
import ssl
import time
from dataclasses import dataclass
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver
from multidict import CIMultiDictProxy
from prometheus_client import Counter
from yarl import URL

from services.edge.fetching import failures
from services.edge.fetching.memory import BriefMemory, Fetched
from services.edge.fetching.reach import Reach
from services.edge.fetching.resolving import OwnResolver
from services.edge.fetching.targets import follow, read_target
from services.edge.media_kinds import media_type_of

_FETCHED_BYTES = Counter("edge_fetched_media_bytes_total", "Bytes of media behind addresses.")

_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_AT_ONCE = 32
_REMEMBERED_SECONDS = 60.0
_REMEMBERED_BYTES = 64 * 1024 * 1024
_LONGEST_HEADER = 16 * 1024
_HEADERS = {
    "User-Agent": "gemini-balance",
    "Accept": "image/*, audio/*, video/*, application/pdf",
    # Packed bytes could grow without bounds.
    "Accept-Encoding": "identity",
}
_FETCHED = ("image/", "audio/", "video/", "application/pdf")
# What servers say that know no better.
_SAYS_NOTHING = frozenset({"", "application/octet-stream", "binary/octet-stream"})


class _ClosedAddressError(OSError):
    """A connection that must not be opened; all say the same, so that they count as one."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How much, and for how long.

    Attributes:
        max_bytes: The most bytes of one thing.
        seconds: The time for one thing, redirects included.
    """

    max_bytes: int
    seconds: float


class Fetcher:
    """Opens one connection for each step of each fetch: to an address that was looked up for it.

    Whether an address is admitted is decided where the socket is made, so nothing can change
    between the look and the connection. Close it.
    """

    def __init__(
        self,
        reach: Reach,
        limits: Limits,
        *,
        resolver: AbstractResolver | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Open the session; must happen inside the running event loop.

        Args:
            reach: Which addresses may be connected to.
            limits: How much may be fetched.
            resolver: Turns names into addresses; the system's by default.
            tls: Whom to trust; by default as the system does.
        """
        self.limits = limits
        self._reach = reach
        self._turns = asyncio.Semaphore(_MOST_AT_ONCE)
        self._memory = BriefMemory(
            seconds=_REMEMBERED_SECONDS, max_bytes=_REMEMBERED_BYTES, clock=time.monotonic
        )
        self._resolver = resolver or OwnResolver()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=self._resolver,
                use_dns_cache=False,
                # A connection that waits would be used for whatever its name means later.
                force_close=True,
                limit=0,
                ssl=tls or ssl.create_default_context(),
                socket_factory=self._open_socket,
            ),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            # The time of a fetch is limited as a whole.
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def fetch(self, address: str) -> Fetched:
        """Return what stands behind an address.

        Raises:
            FetchError: It cannot be had.
        """
        url = read_target(address)
        if known := self._memory.get(address):
            return known
        async with self._turns:
            try:
                async with asyncio.timeout(self.limits.seconds):
                    fetched, is_lasting = await self._follow(url)
            except TimeoutError:
                raise failures.too_slow(self.limits.seconds) from None
        _FETCHED_BYTES.inc(len(fetched.content))
        if is_lasting:
            self._memory.put(address, fetched)
        return fetched

    async def close(self) -> None:
        """Let all connections go."""
        await self._session.close()
        await self._resolver.close()

    async def _follow(self, url: URL) -> tuple[Fetched, bool]:
        for _ in range(_MOST_REDIRECTS + 1):
            try:
                found = await self._ask(url)
            except aiohttp.ClientConnectorDNSError:
                raise failures.not_public() from None
            except aiohttp.ClientConnectorError as error:
                if isinstance(error.os_error, _ClosedAddressError):
                    raise failures.not_public() from None
                raise failures.unreachable() from None
            except (aiohttp.ClientError, OSError, ValueError):
                raise failures.unreachable() from None
            if not isinstance(found, URL):
                return found
            url = found
        raise failures.redirected_too_often(_MOST_REDIRECTS)

    async def _ask(self, url: URL) -> URL | tuple[Fetched, bool]:
        """Return what one address answers: the thing, or where it leads."""
        async with self._session.get(url, allow_redirects=False) as response:
            if response.status in _REDIRECTS and (location := response.headers.get("location")):
                return follow(url, location)
            if response.status != 200:
                raise failures.refused(response.status)
            encoding = response.headers.get("content-encoding", "").strip().lower()
            if encoding not in {"", "identity"}:
                raise failures.encoded(encoding)
            told = response.headers.get("content-type", "").partition(";")[0].strip().lower()
            if told not in _SAYS_NOTHING and not told.startswith(_FETCHED):
                raise failures.wrong_type(told)
            content = await self._read(response)
        if not content:
            raise failures.empty()
        # Many pictures are not what their name makes the server say.
        media_type = media_type_of(content) or told
        if not media_type.startswith(_FETCHED):
            raise failures.wrong_type(media_type)
        return Fetched(media_type, content), _may_be_remembered(response.headers)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        limit = self.limits.max_bytes
        if (response.content_length or 0) > limit:
            raise failures.too_large(limit)
        content = bytearray()
        async for piece in response.content.iter_any():
            content += piece
            if len(content) > limit:
                raise failures.too_large(limit)
        return bytes(content)

    def _open_socket(self, info: tuple[Any, Any, int, str, tuple[Any, ...]]) -> socket.socket:
        family, kind, protocol, _, place = info
        if not self._reach.admits(place[0], place[1]):
            raise _ClosedAddressError("closed")
        return socket.socket(family=family, type=kind, proto=protocol)


def _may_be_remembered(headers: CIMultiDictProxy[str]) -> bool:
    said = headers.get("cache-control", "").lower()
    return not any(word in said for word in ("no-store", "no-cache", "private"))
