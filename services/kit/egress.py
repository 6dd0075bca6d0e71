"""The ways out: directly, or through the proxy that a key is bound to."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, Protocol, TypeVar

_KEPT = 256


class Closable(Protocol):
    """Something that holds connections."""

    async def aclose(self) -> None:
        """Close them."""


Transport = TypeVar("Transport", bound=Closable)


class Egress(Generic[Transport]):
    """One transport for each proxy, opened when first needed and kept."""

    def __init__(self, open_transport: Callable[[str], Transport]) -> None:
        """Take the way to open a transport by the URL of a proxy, empty for none."""
        self._open = open_transport
        self._direct = open_transport("")
        self._proxied: OrderedDict[str, Transport] = OrderedDict()
        self._retired: list[Transport] = []

    def transport(self, proxy_url: str) -> Transport:
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
