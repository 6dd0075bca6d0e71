"""Stores that say no only when Redis still has its data.

An emptied Redis knows no key and no token. Before it is filled again its no
would refuse every client, and its yes would let limits be used twice.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from services.judging import Effect
from services.keypool.catalog import Token
from services.keypool.model import LeaseOrder, RefusalReason
from services.keypool.redis_lease_store import RedisLeaseStore
from services.keypool.redis_scripts import RedisPort
from services.keypool.redis_token_store import RedisTokenStore
from services.keypool.relearning import Charge, Place, Relearner
from services.keypool.store import GrantRows, LeaseRow, OutcomeRow, SettledRows

_DOUBTFUL = {RefusalReason.POOL_EMPTY, RefusalReason.NO_LIVE_KEY}
_LESSONS = {Effect.COOL_MODEL, Effect.MODEL_ABSENT}
_CHARGE = re.compile(r"/(\d+)\.(\d+)\.(\d+)\.(\d+)$")


class SureTokenStore(RedisTokenStore):
    """Knows no token only when Redis has its data."""

    def __init__(self, port: RedisPort, relearner: Relearner) -> None:
        """Work over a port, and ask whether it can be believed."""
        super().__init__(port)
        self._relearner = relearner

    async def get(self, token_id: str) -> tuple[Token | None, datetime]:
        """See `TokenStore.get`."""
        token, now = await super().get(token_id)
        if token is None:
            await self._relearner.sure()
        return token, now


class SureLeaseStore(RedisLeaseStore):
    """Has no key, and withdraws everything, only when Redis has its data.

    What it grants under a limit, and what it learns, is remembered.
    """

    def __init__(self, port: RedisPort, relearner: Relearner, **options: Any) -> None:
        """Work over a port, and ask whether it can be believed.

        Args:
            port: The way to Redis.
            relearner: Remembers and doubts.
            options: See `RedisLeaseStore`.
        """
        super().__init__(port, **options)
        self._relearner = relearner

    async def acquire(
        self, order: LeaseOrder, outcomes: Sequence[OutcomeRow], readable: bytes
    ) -> GrantRows:
        """See `LeaseStore.acquire`."""
        self._relearner.check()
        rows = await super().acquire(order, outcomes, readable)
        self._touch(outcomes)
        if rows.is_limited:
            for lease in rows.leases:
                self._note(order, lease)
        is_doubtful = rows.refusal is not None and rows.refusal.reason in _DOUBTFUL
        if not rows.leases and (is_doubtful or rows.withdrawals.everything):
            await self._relearner.sure()
        return rows

    async def settle(
        self, outcomes: Sequence[OutcomeRow], pool: str, known_epoch: int
    ) -> SettledRows:
        """See `LeaseStore.settle`."""
        self._relearner.check()
        rows = await super().settle(outcomes, pool, known_epoch)
        self._touch(outcomes)
        if rows.withdrawals.everything:
            await self._relearner.sure()
        return rows

    def _touch(self, outcomes: Sequence[OutcomeRow]) -> None:
        """Note where a limit or a cool-down may have been learned."""
        for row in outcomes:
            if row.effect in _LESSONS and row.project_id:
                self._relearner.touch(Place(row.pool, row.model, row.project_id))

    def _note(self, order: LeaseOrder, lease: LeaseRow) -> None:
        charged = _CHARGE.search(lease.raw_id)
        # A free call was charged nothing.
        if charged and charged[2] != "0":
            place = Place(order.pool, order.model, lease.project_id)
            self._relearner.note(place, Charge(*map(int, charged.groups())))
