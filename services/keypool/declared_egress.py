"""Declaring ways out for projects and tags: by commands; the quota file does so in `filing`."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.keypool.egress import Egress, Source, Ways
from services.keypool.errors import EgressUnknownError, FiledError
from services.keypool.key_secrets import KeySecrets
from services.kit.errors import InvalidRequestError
from services.kit.logs import get_logger
from services.kit.vault import UnreadableError, Vault

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SealedEgress:
    """A declared way out as it is stored, with its proxies sealed."""

    pool: str
    name: str
    projects: tuple[str, ...]
    tags: tuple[str, ...]
    sealed: bytes


@dataclass(frozen=True, slots=True)
class EgressChange:
    """What to declare of a way out; None leaves a value as it is."""

    projects: tuple[str, ...] | None = None
    tags: tuple[str, ...] | None = None
    proxies: tuple[str, ...] | None = None


class DeclaredEgressStore(Protocol):
    """Ways out that were declared by commands. Failures are as in `store`."""

    async def list_all(self) -> list[SealedEgress]:
        """Return those of all pools."""
        ...

    async def set(self, pool: str, name: str, change: EgressChange, sealed: bytes) -> bool:
        """Declare a way out, or change one; False when it would have no proxies.

        Args:
            pool: Its pool.
            name: Its name.
            change: What to declare.
            sealed: The proxies of the change, sealed; empty to leave those that it has.
        """
        ...

    async def delete(self, pool: str, name: str) -> bool:
        """Withdraw a way out; False when there is none of this name."""
        ...

    async def reseal(self, egress: SealedEgress, sealed: bytes) -> bool:
        """Replace sealed proxies that are still what was read."""
        ...


class DeclaredEgress:
    """The ways out that commands declare, and those of the quota file, of all pools."""

    def __init__(
        self,
        store: DeclaredEgressStore,
        secrets: KeySecrets,
        ways: Ways,
        on_readable: Callable[[], Awaitable[object]],
    ) -> None:
        """Work on a store.

        Args:
            store: Keeps what commands declare.
            secrets: Seals and opens proxies.
            ways: Told of all that holds.
            on_readable: Called when proxies can be unsealed that could not: keys that were
                taken out of use for them may be used again.
        """
        self._store = store
        self._secrets = secrets
        self._ways = ways
        self._on_readable = on_readable
        self._unreadable: frozenset[tuple[str, str]] = frozenset()
        # Else an answer from before a change could come in after it.
        self._one_at_a_time = asyncio.Lock()

    def list_all(self, pool: str) -> list[Egress]:
        """Return what holds in a pool, in the order of names."""
        return self._ways.list_all(pool)

    async def refresh(self) -> None:
        """Let hold what is stored now, by whichever replica.

        Raises:
            StoreUnavailableError: The store does not answer; what held goes on to hold.
        """
        async with self._one_at_a_time:
            found = [self._open(sealed) for sealed in await self._store.list_all()]
            self._ways.declare(Source.COMMAND, found)
        unreadable = frozenset((each.pool, each.name) for each in found if each.proxies is None)
        for pool, name in unreadable - self._unreadable:
            log.error(
                "a way out cannot be unsealed, so its keys are not used", pool=pool, name=name
            )
        has_recovered = bool(self._unreadable - unreadable)
        self._unreadable = unreadable
        if has_recovered:
            await self._on_readable()

    async def declare(self, pool: str, name: str, change: EgressChange) -> Egress:
        """Declare a way out, or change one, and return it.

        Raises:
            FiledError: The quota file declares it.
            InvalidRequestError: It would have no proxies.
            EgressUnknownError: Somebody withdrew it meanwhile.
        """
        self._require_unfiled(pool, name)
        sealed = b""
        if change.proxies is not None:
            sealed = self._secrets.seal_egress(pool, name, change.proxies)
        if not await self._store.set(pool, name, change, sealed):
            raise InvalidRequestError("proxy_urls", "a new way out needs some")
        await self.refresh()
        egress = self._by_name(pool).get(name)
        if egress is None:
            raise _unknown(name)
        return egress

    async def withdraw(self, pool: str, name: str) -> None:
        """Withdraw a way out.

        Raises:
            FiledError: The quota file declares it.
            EgressUnknownError: There is none of this name.
        """
        self._require_unfiled(pool, name)
        if not await self._store.delete(pool, name):
            raise _unknown(name)
        await self.refresh()

    async def reseal(self, other: Vault | None) -> tuple[int, int, int]:
        """Seal all proxies with the current key-encryption key.

        Returns:
            How many ways out were sealed anew, were so already, and cannot be opened.
        """
        resealed = current = unreadable = 0
        for egress in await self._store.list_all():
            if self._secrets.is_current(egress.sealed, b""):
                current += 1
                continue
            try:
                proxies = self._secrets.open_egress(egress.pool, egress.name, egress.sealed, other)
            except UnreadableError:
                unreadable += 1
                continue
            sealed = self._secrets.seal_egress(egress.pool, egress.name, proxies)
            resealed += await self._store.reseal(egress, sealed)
        await self.refresh()
        return resealed, current, unreadable

    def _open(self, egress: SealedEgress) -> Egress:
        proxies: Sequence[str] | None
        try:
            proxies = self._secrets.open_egress(egress.pool, egress.name, egress.sealed)
        except UnreadableError:
            proxies = None
        return Egress(egress.pool, egress.name, egress.projects, egress.tags, proxies)

    def _require_unfiled(self, pool: str, name: str) -> None:
        known = self._by_name(pool).get(name)
        if known is not None and known.source is Source.FILE:
            raise FiledError("the quota file declares this way out: change it there")

    def _by_name(self, pool: str) -> Mapping[str, Egress]:
        return {each.name: each for each in self._ways.list_all(pool)}


def _unknown(name: str) -> EgressUnknownError:
    return EgressUnknownError("no such way out", metadata={"egress": name})
