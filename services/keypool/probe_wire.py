"""The wire of free calls to the upstream; loaded when the first is made."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator

import aiohttp
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError
from yarl import URL

from services.judging import Phase
from services.judging.evidence import MAX_BODY
from services.keypool.probing import KeyInHand, ProbeAnswer

_SECONDS = 15.0
_AT_ONCE = 16
_UNREACHED = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    ProxyConnectionError,
    ProxyError,
    ProxyTimeoutError,
)


class ProbeWire:
    """Sends requests, directly or through the proxy of a key. Close it."""

    def __init__(self) -> None:
        """Open nothing yet."""
        self._ssl = ssl.create_default_context()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._direct: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        """Close the connections."""
        if self._direct is not None:
            await self._direct.close()

    async def send(
        self,
        key: KeyInHand,
        method: str,
        url: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> ProbeAnswer:
        """Send a request with a key and return what came of it."""
        is_socks = key.proxy_url.startswith("socks")
        try:
            async with (
                self._slots,
                self._session(key.proxy_url) as session,
                session.request(
                    method,
                    URL(url, encoded=True),
                    headers={"x-goog-api-key": key.secret, **(headers or {})},
                    data=body,
                    allow_redirects=False,
                    proxy=None if is_socks else key.proxy_url or None,
                ) as response,
            ):
                return ProbeAnswer(
                    Phase.ANSWERED, response.status, await response.content.read(MAX_BODY)
                )
        except _UNREACHED:
            return ProbeAnswer(Phase.CONNECT)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return ProbeAnswer(Phase.SENT)

    @contextlib.asynccontextmanager
    async def _session(self, proxy_url: str) -> AsyncIterator[aiohttp.ClientSession]:
        if not proxy_url:
            self._direct = self._direct or self._open("")
            yield self._direct
            return
        # Free calls are rare: no connection through a proxy is kept.
        async with self._open(proxy_url) as session:
            yield session

    def _open(self, proxy_url: str) -> aiohttp.ClientSession:
        connector: aiohttp.BaseConnector = (
            ProxyConnector.from_url(
                proxy_url.replace("socks5h://", "socks5://"), rdns=True, ssl=self._ssl
            )
            if proxy_url.startswith("socks")
            else aiohttp.TCPConnector(ssl=self._ssl)
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=_SECONDS),
        )
