"""An httpx transport over aiohttp's connections.

httpx's own pool walks all its connections for every request, which costs
milliseconds under load; aiohttp's does not. The adapter is ours because what the
edge may do after a failure hangs on one question that others answer wrongly:
had the request been sent?
"""

import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import httpx
from aiohttp_socks import ProxyConnectionError, ProxyConnector, ProxyError, ProxyTimeoutError
from multidict import CIMultiDict
from yarl import URL


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends httpx requests through one aiohttp session.

    Raises httpx.ConnectError or httpx.ConnectTimeout when the request was not
    sent, and httpx.ReadError, httpx.ReadTimeout or httpx.RemoteProtocolError when
    it may have been. Bodies are passed on as they come, not decompressed.
    """

    def __init__(self, proxy_url: str = "", *, connect_timeout: float, read_timeout: float) -> None:
        """Open the session; must happen inside the running event loop.

        Args:
            proxy_url: `http://`, `https://`, `socks4://` or `socks5://`, with
                credentials if need be; empty for none.
            connect_timeout: Seconds to get a connection, TLS included.
            read_timeout: Longest silence of the server, in seconds.
        """
        self._timeout = aiohttp.ClientTimeout(
            total=None,
            connect=connect_timeout,
            sock_connect=connect_timeout,
            sock_read=read_timeout,
        )
        is_socks = proxy_url.startswith("socks")
        self._proxy = None if is_socks else proxy_url or None
        self._session = aiohttp.ClientSession(
            connector=_connector(proxy_url if is_socks else ""),
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "User-Agent", "Accept-Encoding", "Content-Type"),
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; the response's body is still to be read.

        A body that is a stream needs a `content-length`; its pieces may be memoryviews.
        """
        with _httpx_errors():
            response = await self._session.request(
                request.method,
                # The target must arrive as it came: both URL types would normalise it.
                URL(self._address(request), encoded=True),
                headers=CIMultiDict(request.headers.multi_items()),
                data=_body_of(request),
                allow_redirects=False,
                proxy=self._proxy,
                timeout=self._timeout,
            )
        return httpx.Response(
            response.status,
            headers=response.raw_headers,
            stream=_Body(response),
            request=request,
        )

    @staticmethod
    def _address(request: httpx.Request) -> str:
        target = request.extensions.get("target")
        if target is None:
            return str(request.url)
        return f"{request.url.scheme}://{request.url.netloc.decode()}{target.decode('latin-1')}"

    async def aclose(self) -> None:
        """Close all connections."""
        await self._session.close()


def _body_of(request: httpx.Request) -> Any:
    """Return the body as aiohttp takes it: bytes at once, a stream piece by piece."""
    if isinstance(request.stream, httpx.ByteStream):
        return request.content or None
    return request.stream


def _connector(socks_url: str) -> aiohttp.BaseConnector:
    options: dict[str, Any] = {
        "limit": 0,
        "keepalive_timeout": 60,
        "ssl": ssl.create_default_context(),
    }
    if socks_url:
        # Names are resolved by the proxy, `socks5h` or not: it may see another internet.
        address = socks_url.replace("socks5h://", "socks5://", 1)
        return ProxyConnector.from_url(address, rdns=True, **options)
    return aiohttp.TCPConnector(ttl_dns_cache=60, **options)


class _Body(httpx.AsyncByteStream):
    """The body of a response, in the pieces in which it arrives."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        with _httpx_errors():
            async for piece in self._response.content.iter_any():
                yield piece

    async def aclose(self) -> None:
        # After the end this returns the connection to the pool; before it, the
        # connection is closed, which tells the server to stop.
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


@contextlib.contextmanager
def _httpx_errors() -> Iterator[None]:
    try:
        yield
    except (aiohttp.ConnectionTimeoutError, aiohttp.ServerTimeoutError) as error:
        if isinstance(error, aiohttp.ConnectionTimeoutError):
            raise httpx.ConnectTimeout(str(error)) from error
        raise httpx.ReadTimeout(str(error)) from error
    except (aiohttp.ClientConnectorError, aiohttp.ClientHttpProxyError) as error:
        raise httpx.ConnectError(str(error)) from error
    except (ProxyConnectionError, ProxyError, ProxyTimeoutError) as error:
        raise httpx.ConnectError("the proxy failed") from error
    except aiohttp.ServerDisconnectedError as error:
        raise httpx.RemoteProtocolError(str(error)) from error
    except (aiohttp.ClientPayloadError, aiohttp.ClientOSError) as error:
        raise httpx.ReadError(str(error)) from error
    except aiohttp.ClientError as error:
        raise httpx.RemoteProtocolError(str(error)) from error
    except TimeoutError as error:
        raise httpx.ReadTimeout(str(error)) from error
