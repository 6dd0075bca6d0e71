"""The secrets of keys: sealed for the store, opened for leases."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Protocol

from services.keypool.egress import Way, Ways
from services.kit.vault import UnreadableError, Vault

_CACHED = 65_536


class Bound(Protocol):
    """A key as far as its way out depends on it."""

    @property
    def key_id(self) -> str:
        """Its id."""
        ...

    @property
    def project_id(self) -> str:
        """Its project."""
        ...

    @property
    def tags(self) -> tuple[str, ...]:
        """Its tags."""
        ...

    @property
    def sealed_proxy(self) -> bytes:
        """The proxy that was given for it alone, sealed; empty for none."""
        ...


class Sealed(Bound, Protocol):
    """A key with its secret."""

    @property
    def sealed_secret(self) -> bytes:
        """Its secret, sealed."""
        ...


class KeySecrets:
    """Seals and opens the secrets and proxies of keys; opened ones stay in memory."""

    def __init__(
        self, vault: Vault, *, old: Sequence[Vault] = (), ways: Ways | None = None
    ) -> None:
        """Work with vaults.

        Args:
            vault: Seals, and opens what it sealed.
            old: Open what was sealed before the key-encryption key was changed.
            ways: How keys without a proxy of their own go out.
        """
        self._vault = vault
        self._vaults = {each.mark: each for each in (*old, vault)}
        self._ways = ways or Ways()
        # The sealed text is part of the cache's key, so a newly sealed one is read anew.
        self._unseal = lru_cache(_CACHED)(self._unseal_now)

    @property
    def mark(self) -> bytes:
        """What secrets begin with that can be opened here, one mark after another."""
        return b"".join(self._vaults)

    def seal(self, key_id: str, secret: str, proxy_url: str) -> tuple[bytes, bytes]:
        """Return the secret and the proxy of a key, sealed; no proxy stays empty."""
        return self._vault.seal(secret, key_id), self.seal_proxy(key_id, proxy_url)

    def seal_proxy(self, key_id: str, proxy_url: str) -> bytes:
        """Return the proxy of a key, sealed; no proxy stays empty."""
        return self._vault.seal(proxy_url, _proxy_of(key_id)) if proxy_url else b""

    def open(self, key: Sealed, pool: str) -> tuple[str, str]:
        """Return the secret of a key, and the proxy to use with it.

        Raises:
            UnreadableError: One of them cannot be opened.
        """
        return self._unseal(key.sealed_secret, key.key_id), self.way_of(key, pool).proxy_url

    def way_of(self, key: Bound, pool: str) -> Way:
        """Return how a key goes out.

        Raises:
            UnreadableError: Its proxy cannot be opened.
        """
        if key.sealed_proxy:
            return Way(self._unseal(key.sealed_proxy, _proxy_of(key.key_id)))
        return self._ways.choose(pool, key.key_id, key.project_id, key.tags)

    def open_own(self, key_id: str, secret: bytes, proxy: bytes) -> tuple[str, str]:
        """Return the secret of a key, and the proxy that was given for it alone.

        Raises:
            UnreadableError: One of them cannot be opened.
        """
        opened = self._unseal(secret, key_id)
        return opened, self._unseal(proxy, _proxy_of(key_id)) if proxy else ""

    def is_readable(self, key: Sealed, pool: str) -> bool:
        """Whether a key's secret and proxy can be opened here."""
        try:
            self.open(key, pool)
        except UnreadableError:
            return False
        return True

    def is_current(self, secret: bytes, proxy: bytes) -> bool:
        """Whether the current key-encryption key sealed both."""
        mark = self._vault.mark
        return secret.startswith(mark) and (not proxy or proxy.startswith(mark))

    def reseal(
        self, key_id: str, secret: bytes, proxy: bytes, other: Vault | None = None
    ) -> tuple[bytes, bytes]:
        """Return a key's secret and proxy, sealed with the current key-encryption key.

        Args:
            key_id: The key.
            secret: Its secret as it is stored.
            proxy: Its proxy as it is stored.
            other: Opens what no vault of ours does.

        Raises:
            UnreadableError: Nobody can open one of them.
        """
        opened = self._reopen(secret, key_id, other)
        own = self._reopen(proxy, _proxy_of(key_id), other) if proxy else ""
        return self.seal(key_id, opened, own)

    def seal_egress(self, pool: str, name: str, proxies: Sequence[str]) -> bytes:
        """Return the proxies of a declared way out, sealed."""
        return self._vault.seal("\n".join(proxies), _egress_of(pool, name))

    def open_egress(
        self, pool: str, name: str, sealed: bytes, other: Vault | None = None
    ) -> tuple[str, ...]:
        """Return the proxies of a declared way out.

        Args:
            pool: Its pool.
            name: Its name.
            sealed: Its proxies as they are stored.
            other: Opens what no vault of ours does.

        Raises:
            UnreadableError: Nobody can open them.
        """
        return tuple(self._reopen(sealed, _egress_of(pool, name), other).split("\n"))

    def _reopen(self, sealed: bytes, owner: str, other: Vault | None) -> str:
        if other is not None and sealed.startswith(other.mark):
            return other.unseal(sealed, owner)
        return self._unseal_now(sealed, owner)

    def _unseal_now(self, sealed: bytes, owner: str) -> str:
        vault = self._vaults.get(sealed[: len(self._vault.mark)], self._vault)
        return vault.unseal(sealed, owner)


def _proxy_of(key_id: str) -> str:
    return f"{key_id}/proxy"


def _egress_of(pool: str, name: str) -> str:
    return f"egress/{pool}/{name}"
