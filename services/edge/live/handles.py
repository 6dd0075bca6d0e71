"""Handles by which sessions are resumed: bound to the project that issued them."""

import asyncio
import contextlib
import hashlib
from collections import deque
from datetime import UTC, datetime, timedelta

from services.edge.errors import ApiError
from services.edge.leasing.lease import Need, PoolAwayError
from services.edge.resources.making import Making
from services.edge.resources.registry import Registry
from services.kit.errors import RemoteError

# Google lets a session be resumed for two hours after its end, and ends it within one.
_KEPT = timedelta(hours=3)
_PATIENCE_SECONDS = 1.0
# Every turn brings a new one; clients resume by the last, or by one shortly before it.
_MOST = 8


def name_of(handle: str) -> str:
    """Return the name under which a handle is bound: it opens a session, so a hash of it."""
    return f"liveSessions/{hashlib.sha256(handle.encode()).hexdigest()}"


class Handles:
    """The handles of one session."""

    def __init__(self, making: Making, registry: Registry, need: Need, project_id: str) -> None:
        """Take who binds, and whose session it is."""
        self._making = making
        self._registry = registry
        self._need = need
        self._project_id = project_id
        self._names: deque[str] = deque()

    async def note(self, handle: str) -> None:
        """Bind a handle before the client learns it, and forget the oldest.

        A key pool that is away does not hold the session up: binding is tried on meanwhile.
        """
        name = name_of(handle)
        if name in self._names:
            return
        self._names.append(name)
        ends = datetime.now(UTC) + _KEPT
        with contextlib.suppress(ApiError, TimeoutError):
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self._making.bind(self._need, self._project_id, {name: ends})
        if len(self._names) > _MOST:
            with contextlib.suppress(PoolAwayError, RemoteError):
                await self._registry.unbind(self._need.pool, self._names.popleft())
