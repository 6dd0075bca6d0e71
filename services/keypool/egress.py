"""Ways out to the upstream: which proxy a key goes through, and how it is named."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from urllib.parse import urlsplit

_CACHED = 65_536

DIRECT = "direct"
"""The way out without a proxy."""


class ProxyRing:
    """Spreads keys over proxies.

    The choice rests on the key's id and the proxy's address alone (the highest hash of both
    wins), so that every replica makes the same one, restarts do not change it, and a proxy
    that is added or removed moves only its share of the keys. It is made when a lease is
    answered and stored nowhere: a changed list is in force at once, for all keys.
    """

    def __init__(self, proxies: Sequence[str]) -> None:
        """Spread over proxies; without any, keys go directly.

        Args:
            proxies: Their URLs, with credentials.
        """
        self._proxies = [(egress_id(proxy).encode(), proxy) for proxy in dict.fromkeys(proxies)]
        self.proxy_of = lru_cache(_CACHED)(self._choose)
        """Return the proxy of a key, empty for none."""

    def _choose(self, key_id: str) -> str:
        if not self._proxies:
            return ""
        return max(self._proxies, key=lambda pair: _weight(pair[0], key_id))[1]


def egress_id(proxy_url: str) -> str:
    """Return the name of a way out, which tells nothing of the credentials in its URL.

    Two users of one proxy are one way out: they share its address.
    """
    if not proxy_url:
        return DIRECT
    return "e" + hashlib.blake2b(show_proxy(proxy_url).encode(), digest_size=6).hexdigest()


def show_proxy(proxy_url: str) -> str:
    """Return a proxy's URL without the credentials in it."""
    if not proxy_url:
        return ""
    parts = urlsplit(proxy_url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _weight(egress: bytes, key_id: str) -> bytes:
    return hashlib.blake2b(egress + b"\0" + key_id.encode(), digest_size=8).digest()
