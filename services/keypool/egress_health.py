"""Which ways out the upstream does not serve at present."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol

from services.keypool.catalog import KeyRow
from services.keypool.egress import DIRECT, egress_id
from services.keypool.key_secrets import KeySecrets
from services.kit.errors import StoreUnavailableError
from services.kit.logs import get_logger
from services.kit.vault import UnreadableError

log = get_logger(__name__)

REFUSED_FOR = timedelta(minutes=10)
"""How long a way out is avoided whose address the upstream does not serve."""

UNREACHED_FOR = timedelta(minutes=1)
"""How long a proxy is avoided over which no connection came about."""

_RULES = {
    "egress.location": REFUSED_FOR,
    "egress.automated": REFUSED_FOR,
    "transport.connect": UNREACHED_FOR,
}
EGRESS_RULES = frozenset(_RULES)
"""Rules that blame the way out."""


class EgressStore(Protocol):
    """Blocked ways out, the same for all pools and replicas."""

    async def block(self, egress: str, duration: timedelta) -> None:
        """Block a way out from now on; never shortens a block."""
        ...

    async def list_blocked(self) -> dict[str, datetime]:
        """Return the blocked ways out, and until when."""
        ...


class EgressHealth:
    """Knows the blocked ways out, a second or two late. Blames no key for them."""

    def __init__(self, store: EgressStore, secrets: KeySecrets) -> None:
        """Work on a store."""
        self._store = store
        self._secrets = secrets
        self._blocked: dict[str, datetime] = {}

    @property
    def has_blocked(self) -> bool:
        """Whether any way out is blocked."""
        return bool(self._blocked)

    def is_blocked(self, proxy_url: str) -> bool:
        """Whether the way out through a proxy, empty for the direct one, is blocked."""
        return egress_id(proxy_url) in self._blocked

    def blocked_until(self, proxy_url: str) -> datetime | None:
        """Return until when the way out through a proxy is blocked, None when it is not."""
        return self._blocked.get(egress_id(proxy_url))

    async def blame(self, row: KeyRow, rule_id: str) -> None:
        """Block the way out of a key because of a rule.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        try:
            proxy_url = self._secrets.way_of(row, row.pool).proxy_url
        except UnreadableError:
            return
        egress = egress_id(proxy_url)
        if egress == DIRECT and rule_id == "transport.connect":
            # Then it is the upstream that cannot be reached.
            return
        if egress not in self._blocked:
            log.warning("a way out is avoided", egress=egress, rule=rule_id)
        await self._store.block(egress, _RULES[rule_id])
        self._blocked[egress] = datetime.now(UTC) + _RULES[rule_id]

    async def watch(self, seconds: float) -> None:
        """Keep in step with other replicas, until cancelled."""
        while True:
            try:
                self._blocked = await self._store.list_blocked()
            except StoreUnavailableError:
                # What was blocked stays so until the store is back.
                log.debug("blocked ways out cannot be read")
            await asyncio.sleep(seconds)
