"""The ways out: directly, or through the proxy that a key is bound to."""

from collections import OrderedDict
from typing import Protocol

import httpx

_KEPT = 256


class TransportFactory(Protocol):
    """Opens a transport for a proxy, empty for none."""

    def __call__(self, proxy_url: str) -> httpx.AsyncBaseTransport:
        """Return the transport."""


class Egress:
    """One transport for each proxy, opened when first needed and kept."""

    def __init__(self, open_transport: TransportFactory) -> None:
        """Take the way to open transports."""
        self._open = open_transport
        self._direct = open_transport("")
        self._proxied: OrderedDict[str, httpx.AsyncBaseTransport] = OrderedDict()
        self._retired: list[httpx.AsyncBaseTransport] = []

    def transport(self, proxy_url: str) -> httpx.AsyncBaseTransport:
        """Return the transport of a proxy, the direct one for an empty address."""
        if not proxy_url:
            return self._direct
        transport = self._proxied.get(proxy_url)
        if transport is None:
            transport = self._proxied[proxy_url] = self._open(proxy_url)
            if len(self._proxied) > _KEPT:
                # It may still carry answers, so it is closed with the others.
                self._retired.append(self._proxied.popitem(last=False)[1])
        else:
            self._proxied.move_to_end(proxy_url)
        return transport

    async def aclose(self) -> None:
        """Close all transports."""
        for transport in [self._direct, *self._proxied.values(), *self._retired]:
            await transport.aclose()
