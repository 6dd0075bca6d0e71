"""The link to the key pool: what is asked of it, and what to do while it is away."""

import asyncio
import contextlib
import uuid
from collections import deque
from collections.abc import Callable, Collection
from contextvars import Context
from dataclasses import dataclass

from prometheus_client import Gauge

from services.edge.keypool import Keypool
from services.edge.leasing.lease import Ending, Grant, HeldKey, Need, PoolAwayError, Withdrawn
from services.kit.health import Health
from services.kit.logs import get_logger

log = get_logger(__name__)

_AWAY = Gauge("edge_keypool_away", "1 while the key pool does not answer.")

_PROBE_SECONDS = 0.2
_KEPT_ORDERS = 1000


@dataclass(frozen=True, slots=True)
class _Order:
    """Leases that were asked for, and that nobody may have got."""

    need: Need
    count: int
    request_id: str


class PoolLink:
    """Acquires leases, and knows whether the pool answers.

    Attributes:
        is_away: Whether the pool did not answer when last asked; it is asked again
            in the background until it does.
    """

    def __init__(
        self,
        keypool: Keypool,
        health: Health,
        *,
        lease_seconds: float,
        on_withdrawn: Callable[[str, Withdrawn], None],
        give_back: Callable[[HeldKey], None],
    ) -> None:
        """Wire the link.

        Args:
            keypool: The pool's client.
            health: Shows when the pool is away.
            lease_seconds: How long a call may run.
            on_withdrawn: Told what each answer withdraws, before its leases are used.
            give_back: Takes leases that nobody waits for.
        """
        self._keypool = keypool
        self._health = health
        self._lease_seconds = lease_seconds
        self._on_withdrawn = on_withdrawn
        self._give_back = give_back
        self._epochs: dict[str, int] = {}
        self._unanswered: deque[_Order] = deque(maxlen=_KEPT_ORDERS)
        self._probe: asyncio.Task[None] | None = None

    @property
    def is_away(self) -> bool:
        """Whether the pool did not answer when last asked."""
        return self._probe is not None

    async def acquire(
        self,
        need: Need,
        *,
        count: int = 1,
        hold: float = 0,
        ending: Ending | None = None,
        excluded_projects: Collection[str] = (),
        excluded_keys: Collection[str] = (),
        wait: float = 0,
        patience: float = 0,
    ) -> Grant:
        """Acquire leases; see `Keypool.acquire`.

        Raises:
            PoolAwayError: The pool did not answer; what it may have granted is given
                back when it does.
        """
        order = _Order(need, count, uuid.uuid4().hex)
        try:
            grant = await self._keypool.acquire(
                need,
                count=count,
                hold=hold,
                request_id=order.request_id,
                epoch=self.epoch(need.pool),
                endings=() if ending is None else (ending,),
                excluded_projects=list(excluded_projects),
                excluded_keys=list(excluded_keys),
                lifetime=self._lease_seconds,
                wait=wait,
                patience=patience,
            )
        except PoolAwayError:
            self._unanswered.append(order)
            self.note_away()
            raise
        except asyncio.CancelledError:
            self._unanswered.append(order)
            raise
        self.note(need.pool, grant.withdrawn)
        return grant

    async def renew(self, key: HeldKey) -> bool:
        """Extend a lease by the length of a new one; False when it has lapsed.

        Raises:
            PoolAwayError: The pool did not answer.
        """
        self._must_be_there()
        try:
            return await self._keypool.renew(key.lease_id, self._lease_seconds)
        except PoolAwayError:
            self.note_away()
            raise

    async def look(self, pool: str) -> None:
        """Hear what was withdrawn since the last answer.

        Raises:
            PoolAwayError: The pool did not answer.
        """
        self._must_be_there()
        try:
            withdrawn = await self._keypool.settle(pool, (), epoch=self.epoch(pool))
        except PoolAwayError:
            self.note_away()
            raise
        self.note(pool, withdrawn)

    def epoch(self, pool: str) -> int:
        """Return the withdrawal epoch known of a pool."""
        return self._epochs.get(pool, 0)

    def note(self, pool: str, withdrawn: Withdrawn) -> None:
        """Note what an answer of the pool withdrew."""
        self._epochs[pool] = withdrawn.epoch
        self._on_withdrawn(pool, withdrawn)

    async def tidy(self) -> None:
        """Give back what was granted to callers that did not get the answer.

        Repeating an order brings the leases of the first one, or new ones; nobody
        waits for either any more.
        """
        while self._unanswered and not self.is_away:
            order = self._unanswered.popleft()
            try:
                grant = await self._keypool.acquire(
                    order.need,
                    count=order.count,
                    hold=0,
                    request_id=order.request_id,
                    epoch=self.epoch(order.need.pool),
                    lifetime=self._lease_seconds,
                )
            except PoolAwayError:
                self._unanswered.appendleft(order)
                self.note_away()
                return
            self.note(order.need.pool, grant.withdrawn)
            for key in grant.keys:
                self._give_back(key)

    def close(self) -> None:
        """Stop asking whether the pool is back."""
        if self._probe is not None:
            self._probe.cancel()

    def note_away(self) -> None:
        """Note that the pool did not answer; it is asked until it does."""
        if self._probe is None:
            log.warning("the key pool does not answer; going on with known keys")
            _AWAY.set(1)
            self._health.note("keypool", "away, serving with known keys")
            # The request that met with silence is long over when the pool answers.
            self._probe = asyncio.create_task(self._until_back(), context=Context())

    def _must_be_there(self) -> None:
        if self.is_away:
            raise PoolAwayError("the key pool is away")

    async def _until_back(self) -> None:
        """Ask until the pool answers; requests meanwhile do not wait for it."""
        while True:
            await asyncio.sleep(_PROBE_SECONDS)
            with contextlib.suppress(PoolAwayError):
                withdrawn = await self._keypool.settle("default", (), epoch=self.epoch("default"))
                break
        self._probe = None
        self.note("default", withdrawn)
        _AWAY.set(0)
        self._health.note("keypool", "")
        log.warning("the key pool answers again")
