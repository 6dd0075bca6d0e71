"""The secrets of keys: sealed for the store, opened for leases."""

from functools import lru_cache

from services.keypool.errors import UnreadableError
from services.keypool.vault import Vault

_CACHED = 65_536


class KeySecrets:
    """Seals and opens the secrets and proxies of keys; opened ones stay in memory."""

    def __init__(self, vault: Vault) -> None:
        """Work with a vault."""
        self._vault = vault
        # The sealed text is part of the cache's key, so a newly sealed one is read anew.
        self._unseal = lru_cache(_CACHED)(vault.unseal)

    @property
    def mark(self) -> bytes:
        """What every secret begins with that can be opened here."""
        return self._vault.mark

    def seal(self, key_id: str, secret: str, proxy_url: str) -> tuple[bytes, bytes]:
        """Return the secret and the proxy of a key, sealed; no proxy stays empty."""
        proxy = self._vault.seal(proxy_url, _proxy_of(key_id)) if proxy_url else b""
        return self._vault.seal(secret, key_id), proxy

    def open(self, key_id: str, secret: bytes, proxy: bytes) -> tuple[str, str]:
        """Return the secret and the proxy of a key.

        Raises:
            UnreadableError: One of them cannot be opened.
        """
        opened = self._unseal(secret, key_id)
        return opened, self._unseal(proxy, _proxy_of(key_id)) if proxy else ""

    def is_readable(self, key_id: str, secret: bytes, proxy: bytes) -> bool:
        """Whether a key's secret and proxy can be opened here."""
        try:
            self.open(key_id, secret, proxy)
        except UnreadableError:
            return False
        return True


def _proxy_of(key_id: str) -> str:
    return f"{key_id}/proxy"
