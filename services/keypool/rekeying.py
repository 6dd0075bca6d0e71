"""Sealing every secret anew after the key-encryption key was changed."""

import asyncio
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from services.keypool.catalog import KeyRow
from services.keypool.declared_egress import DeclaredEgress
from services.keypool.key_secrets import KeySecrets
from services.keypool.keys import Keys
from services.keypool.peppers import Peppers
from services.keypool.store import KeyStore
from services.kit.logs import get_logger
from services.kit.vault import UnreadableError, Vault

log = get_logger(__name__)

_BATCH = 500


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """How many keys and ways out were sealed anew, were so already, and cannot be opened."""

    resealed: int = 0
    current: int = 0
    unreadable: int = 0


class Rekeying:
    """Seals anew, key by key: what was cut short goes on when it is asked for again."""

    def __init__(
        self,
        store: KeyStore,
        secrets: KeySecrets,
        keys: Keys,
        peppers: Peppers,
        egress: DeclaredEgress,
    ) -> None:
        """Work on keys, peppers and ways out."""
        self._egress = egress
        self._store = store
        self._secrets = secrets
        self._keys = keys
        self._peppers = peppers

    async def rekey(self, old_encryption_key: str) -> Rekeyed:
        """Seal everything with the current key-encryption key.

        Args:
            old_encryption_key: Opens what the vaults of the settings do not; empty for none.

        Raises:
            StoreUnavailableError: The store does not answer; what is done stays done.
        """
        other = None
        if old_encryption_key:
            # Stretching a text takes a while.
            other = await asyncio.to_thread(Vault, old_encryption_key)
        has_other_ids = await self._peppers.adopt(other)
        resealed, current, unreadable = await self._egress.reseal(other)
        after = ""
        while rows := await self._store.list_after("", after, _BATCH):
            after = rows[-1].key_id
            anew, unreadable_rows = self._seal_anew(rows, other)
            unreadable += unreadable_rows
            # Those that were changed by somebody meanwhile are sealed with the current key.
            current += len(rows) - len(anew) - unreadable_rows
            for pool, batch in itertools.groupby(
                sorted(anew, key=lambda entry: entry[0].pool), key=lambda entry: entry[0].pool
            ):
                resealed += await self._store.reseal(pool, list(batch))
        await self._keys.check_readable()
        if has_other_ids:
            await self._keys.rename_all()
        log.info("secrets were sealed anew", resealed=resealed, unreadable=unreadable)
        return Rekeyed(resealed, current, unreadable)

    def _seal_anew(
        self, rows: Sequence[KeyRow], other: Vault | None
    ) -> tuple[list[tuple[KeyRow, bytes, bytes]], int]:
        anew, unreadable = [], 0
        for row in rows:
            if self._secrets.is_current(row.sealed_secret, row.sealed_proxy):
                continue
            try:
                sealed = self._secrets.reseal(
                    row.key_id, row.sealed_secret, row.sealed_proxy, other
                )
            except UnreadableError:
                unreadable += 1
            else:
                anew.append((row, *sealed))
        return anew, unreadable
