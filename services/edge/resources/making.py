"""Making things that live on: nobody is told of one before it is bound."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from datetime import datetime
from typing import Any, TypeVar

import orjson
from prometheus_client import Counter

from services.edge.calls import Call
from services.edge.errors import ApiError, name_taken, pool_away
from services.edge.leasing.lease import Need, PoolAwayError
from services.edge.plain import Whole, fetch
from services.edge.resources.made import names_made
from services.edge.resources.names import Binding
from services.edge.resources.registry import Registry, TakenError
from services.edge.runtime import Runtime
from services.kit.errors import RemoteError
from services.kit.logs import get_logger

log = get_logger(__name__)

T = TypeVar("T")

_UNBOUND = Counter("edge_unbound_total", "Things made upstream that could not be bound.")

_PATIENCE_SECONDS = 5.0
_LONGEST_SECONDS = 60.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 2.0


class Making:
    """Sends calls that make something, and binds what they made.

    What was begun is ended even when its client leaves: a thing that exists at
    Google and is bound to nobody is lost.
    """

    def __init__(self, runtime: Runtime) -> None:
        """Take the shared parts."""
        self._runtime = runtime
        self._registry: Registry = runtime.registry
        self._under_way: set[asyncio.Task[Any]] = set()

    async def make(self, call: Call) -> Whole:
        """Send a call that makes something, and return its answer once that is bound.

        Raises:
            FailedError: It was refused, or no key could serve it.
            ApiError: It could not be bound.
        """
        if self._runtime.desk.is_away:
            # What is made now could be found by nobody.
            raise pool_away()
        return await self.to_its_end(self._make(call))

    async def bind(self, need: Need, project_id: str, names: Mapping[str, datetime | None]) -> None:
        """Bind names to the client and the project that made them.

        Raises:
            ApiError: 503 when that takes too long; it is tried on for a while.
        """
        # Also what was seen before: another edge may have seen it deleted since.
        new = [Binding(name, project_id, need.client_id, end) for name, end in names.items()]
        if not new:
            return
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self.to_its_end(self._bind(need.pool, new, self._bind_new))
        except TimeoutError:
            raise _not_bound([binding.name for binding in new]) from None

    async def rebind(self, pool: str, binding: Binding) -> None:
        """Change when a binding ends.

        Raises:
            ApiError: As for `bind`.
        """
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                await self.to_its_end(self._bind(pool, [binding], self._registry.bind))
        except TimeoutError:
            raise _not_bound([binding.name]) from None

    async def to_its_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Await work that goes on when whoever waits for it is cancelled."""
        task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    async def close(self, seconds: float) -> None:
        """End what is under way, waiting for it at most so long."""
        if self._under_way:
            await asyncio.wait(self._under_way, timeout=seconds)

    async def _make(self, call: Call) -> Whole:
        whole = await fetch(self._runtime, call)
        answer = parsed(whole.body)
        if answer is not None:
            cited = {binding.name for binding in call.cited}
            await self.bind(call.need, whole.project_id, _without(names_made(answer), cited))
        return whole

    async def _bind(
        self,
        pool: str,
        bindings: list[Binding],
        bind: Callable[[str, Binding], Awaitable[None]],
    ) -> None:
        """Bind until it is done; the time for it is bounded."""
        pause = _FIRST_PAUSE
        try:
            async with asyncio.timeout(_LONGEST_SECONDS):
                while bindings:
                    try:
                        await bind(pool, bindings[-1])
                        bindings = bindings[:-1]
                    except PoolAwayError:
                        await asyncio.sleep(pause)
                        pause = min(pause * 2, _LONGEST_PAUSE)
        except (TimeoutError, RemoteError) as error:
            _UNBOUND.inc(len(bindings))
            names = [binding.name for binding in bindings]
            log.exception("not bound", names=names)
            raise _not_bound(names) from error

    async def _bind_new(self, pool: str, binding: Binding) -> None:
        try:
            await self._registry.bind(pool, binding, must_be_new=True)
        except TakenError:
            # Bound before: by an earlier look at the same operation, or by whom it belongs to.
            found = await self._registry.resolve(pool, [binding.name])
            if found and found[binding.name].client_id != binding.client_id:
                raise name_taken(binding.name) from None

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        # Retrieved here too: whoever waited may have left.
        if not task.cancelled():
            task.exception()


def parsed(body: bytes) -> dict[str, Any] | None:
    """Return an answer that is a JSON object, None for any other."""
    try:
        answer = orjson.loads(body)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _without(
    names: Mapping[str, datetime | None], known: Collection[str]
) -> dict[str, datetime | None]:
    return {name: end for name, end in names.items() if name not in known}


def _not_bound(names: Collection[str]) -> ApiError:
    return ApiError(
        503,
        f"{', '.join(names)}: exists upstream, but could not be registered here yet. Ask for it "
        "in a minute before you make another one.",
        code="not_registered",
        retryable=False,
    )
