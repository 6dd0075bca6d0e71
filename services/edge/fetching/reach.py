"""Which addresses may be connected to: those of the public internet, and those allowed by name."""

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_WEB_PORTS = frozenset({80, 443})

# `is_global` differs between versions of Python, so what must not be reached is written out.
_CLOSED_IPV4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "168.63.129.16/32",  # a cloud's own service, on a public address
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.31.196.0/24",
        "192.52.193.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "192.175.48.0/24",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/3",
    )
)
# Everything else of IPv6 is not on the internet, or an IPv4 address in disguise.
_OPEN_IPV6 = ipaddress.IPv6Network("2000::/3")
_CLOSED_IPV6 = tuple(
    ipaddress.IPv6Network(text)
    for text in (
        "2001::/23",  # Teredo and other special purposes
        "2001:db8::/32",
        "2002::/16",  # 6to4
        "2620:4f:8000::/48",
        "3fff::/20",
    )
)


class Reach:
    """Decides about addresses."""

    def __init__(self, allowed: Iterable[str]) -> None:
        """Take networks that may be reached although they are not public.

        Raises:
            ValueError: One of them is no address and no network.
        """
        self._allowed: list[Network] = [ipaddress.ip_network(text) for text in allowed]

    def admits(self, host: str, port: int) -> bool:
        """Whether a connection may be opened.

        Args:
            host: An address in digits; anything else is not admitted.
            port: On the public internet only those of the web; on an allowed network any.
        """
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        if any(address in network for network in self._allowed):
            return True
        return port in _WEB_PORTS and is_public(address)


def is_public(address: Address) -> bool:
    """Whether an address is one of the public internet, and nothing but that."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _CLOSED_IPV4)
    return (
        address.scope_id is None
        and address in _OPEN_IPV6
        and not any(address in network for network in _CLOSED_IPV6)
    )
