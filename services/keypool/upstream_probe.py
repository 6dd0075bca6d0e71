"""Free calls to Google over HTTP. The key travels in a header, never in a URL."""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import aiohttp
import orjson
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError
from yarl import URL

from services.judging import Phase
from services.judging.evidence import MAX_BODY
from services.keypool.probing import KeyInHand, ProbeAnswer

_SECONDS = 15.0
_AT_ONCE = 16
_CONTENT = b"Which project does this belong to?"
_UNREACHED = (
    aiohttp.ClientConnectorError,
    aiohttp.ClientHttpProxyError,
    ProxyConnectionError,
    ProxyError,
    ProxyTimeoutError,
)
_FILE_NAME = re.compile(r"files/[a-z0-9-]{1,64}")


class HttpProbe:
    """See `UpstreamProbe`; an async context manager."""

    def __init__(self, base_url: str, test_model: str) -> None:
        """Speak to an upstream.

        Args:
            base_url: Its root, without a version.
            test_model: The model to ask about.
        """
        self._base = base_url.rstrip("/")
        self._model = test_model.removeprefix("models/")
        self._ssl = ssl.create_default_context()
        self._slots = asyncio.Semaphore(_AT_ONCE)
        self._direct: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close the connections."""
        if self._direct is not None:
            await self._direct.close()

    async def get_model(self, key: KeyInHand) -> ProbeAnswer:
        """See `UpstreamProbe.get_model`."""
        return await self._send(key, "GET", f"/v1beta/models/{self._model}")

    async def upload_file(self, key: KeyInHand) -> tuple[ProbeAnswer, str]:
        """See `UpstreamProbe.upload_file`."""
        # One request instead of a session: nothing to lose half-way.
        answer = await self._send(
            key,
            "POST",
            "/upload/v1beta/files",
            headers={"X-Goog-Upload-Protocol": "raw", "Content-Type": "text/plain"},
            body=_CONTENT,
        )
        return answer, _file_name(answer.body) if answer.is_ok else ""

    async def read_file(self, key: KeyInHand, name: str) -> ProbeAnswer:
        """See `UpstreamProbe.read_file`."""
        return await self._send(key, "GET", f"/v1beta/{name}")

    async def delete_file(self, key: KeyInHand, name: str) -> ProbeAnswer:
        """See `UpstreamProbe.delete_file`."""
        return await self._send(key, "DELETE", f"/v1beta/{name}")

    async def _send(
        self,
        key: KeyInHand,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes | None = None,
    ) -> ProbeAnswer:
        is_socks = key.proxy_url.startswith("socks")
        try:
            async with (
                self._slots,
                self._session(key.proxy_url) as session,
                session.request(
                    method,
                    URL(self._base + path, encoded=True),
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


def _file_name(body: bytes) -> str:
    try:
        name = orjson.loads(body)["file"]["name"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return ""
    return name if isinstance(name, str) and _FILE_NAME.fullmatch(name) else ""
