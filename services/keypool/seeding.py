"""Filling a store from the settings, at start and whenever it comes back empty."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.keypool import metrics
from services.keypool.catalog import NewKey
from services.keypool.errors import UnreadableError
from services.keypool.identity import Identity
from services.keypool.keys import Keys
from services.keypool.model import DEFAULT_POOL
from services.keypool.store import MetaStore
from services.keypool.tokens import NewToken, Tokens
from services.keypool.vault import Vault
from services.kit.logs import get_logger

log = get_logger(__name__)

_PEPPER_OWNER = "pepper"


@dataclass(frozen=True, slots=True)
class Seed:
    """What the settings hold."""

    keys: Sequence[NewKey]
    tokens: Sequence[NewToken]


class Seeder:
    """Keeps the store filled with what the settings hold; creates only what is unknown."""

    def __init__(
        self,
        store: MetaStore,
        *,
        vault: Vault,
        identity: Identity,
        keys: Keys,
        tokens: Tokens,
        seed: Seed,
    ) -> None:
        """Work on a store."""
        self._store = store
        self._vault = vault
        self._identity = identity
        self._keys = keys
        self._tokens = tokens
        self._seed = seed
        self._has_begun = False

    async def run(self) -> None:
        """Seed unless that was done before, by this process and to this store's data.

        Also serves as a sign of life of the store.

        Raises:
            StoreUnavailableError: It does not answer.
        """
        if await self._store.is_seeded() and self._has_begun:
            return
        await self._load_pepper()
        created = await self._keys.seed(DEFAULT_POOL, self._seed.keys)
        tokens = await self._tokens.seed(self._seed.tokens)
        unreadable = await self._keys.check_readable()
        if unreadable:
            log.warning(
                "keys were sealed with another ENCRYPTION_KEY and cannot be used",
                keys=unreadable,
            )
        await self._store.mark_seeded()
        self._has_begun = True
        metrics.SEEDINGS.inc()
        log.info("settings are in the store", new_keys=created, new_tokens=tokens)

    async def _load_pepper(self) -> None:
        first = self._vault.first_pepper()
        # One pepper for each key-encryption key: data of another one stays unreadable.
        name = self._vault.mark.decode().rstrip(":")
        sealed = await self._store.load_pepper(name, self._vault.seal(first.hex(), _PEPPER_OWNER))
        try:
            self._identity.load(bytes.fromhex(self._vault.unseal(sealed, _PEPPER_OWNER)))
        except UnreadableError:
            log.exception("the pepper in the store is damaged; ids are derived anew")
            self._identity.load(first)
