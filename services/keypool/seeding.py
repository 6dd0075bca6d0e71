"""Filling a store from the settings, at start and whenever it comes back empty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.keypool import metrics
from services.keypool.catalog import NewKey
from services.keypool.filing import Filing
from services.keypool.keys import Keys
from services.keypool.peppers import Peppers
from services.keypool.store import MetaStore
from services.keypool.tokens import NewToken, Tokens
from services.kit.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Seed:
    """What the settings hold.

    Attributes:
        keys: By pool, those first that keep a key which stands in several.
        tokens: The tokens.
    """

    keys: Mapping[str, Sequence[NewKey]]
    tokens: Sequence[NewToken]


class Seeder:
    """Keeps the store filled with what the settings hold; creates only what is unknown."""

    def __init__(
        self,
        store: MetaStore,
        *,
        peppers: Peppers,
        keys: Keys,
        tokens: Tokens,
        filing: Filing,
        seed: Seed,
    ) -> None:
        """Work on a store."""
        self._store = store
        self._peppers = peppers
        self._keys = keys
        self._tokens = tokens
        self._filing = filing
        self._seed = seed
        self._has_begun = False

    def replace(self, seed: Seed) -> None:
        """Hold what the settings hold now; the next run brings it into the store."""
        self._seed = seed
        self._has_begun = False

    async def run(self, epoch: str) -> None:
        """Seed unless that was done before, by this process and to this store's data.

        Args:
            epoch: The name of the data. They may be lost while they are seeded.

        Raises:
            StoreUnavailableError: It does not answer.
        """
        if await self._store.is_seeded(epoch) and self._has_begun:
            return
        seed = self._seed
        await self._peppers.load()
        created = sum([await self._keys.seed(pool, keys) for pool, keys in seed.keys.items()])
        _warn_of_repeated(seed)
        tokens = await self._tokens.seed(seed.tokens)
        withdrawn = await self._tokens.withdraw_unseeded(seed.tokens)
        if withdrawn:
            log.info("tokens that left the settings were revoked", tokens=withdrawn)
        unreadable = await self._keys.check_readable()
        if unreadable:
            log.warning(
                "keys were sealed with another ENCRYPTION_KEY and cannot be used",
                keys=unreadable,
            )
        await self._filing.apply()
        await self._store.mark_seeded(epoch)
        # Another one may have come meanwhile.
        self._has_begun = self._seed is seed
        metrics.SEEDINGS.inc()
        log.info("settings are in the store", new_keys=created, new_tokens=tokens)


def _warn_of_repeated(seed: Seed) -> None:
    """Tell of keys that stand in the settings of several pools: each is in the first one."""
    seen: set[str] = set()
    for pool, keys in seed.keys.items():
        secrets = {key.secret for key in keys}
        if repeated := len(secrets & seen):
            log.warning(
                "keys stand in another setting too, and serve there", pool=pool, keys=repeated
            )
        seen |= secrets
