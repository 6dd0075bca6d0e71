"""A small local stock of leases for one model, filled in blocks."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator

from services.edge.leasing.lease import Grant, HeldKey, PoolAwayError, RefusedError

HOLD_SECONDS = 1.0
"""How long a lease may lie in stock."""

_BLOCK = 256
_WINDOW = 0.5


class Stock:
    """Leases for one pool, model and kind of operation, used in the order of their grant.

    A request takes a lease from the stock or waits for the block that is on its
    way; only one block is ever on its way, so the order of the pool's rotation
    is kept. The block follows the rate of requests: a slow model keeps no stock.

    Attributes:
        is_open: Whether the pool allows stock for the model, as far as is known.
        first: Done once the pool has been asked for the first time, whatever it said; None
            while nobody has asked.
        last_taken: Monotonic time of the last request for a lease.
    """

    def __init__(
        self,
        acquire: Callable[[int, float], Awaitable[Grant]],
        give_back: Callable[[HeldKey], None],
    ) -> None:
        """Take the ways to and from the pool.

        Args:
            acquire: Acquires (count, seconds to hold); raises PoolAwayError.
            give_back: Returns a lease that was not used.
        """
        self._acquire = acquire
        self._give_back = give_back
        self._leases: deque[HeldKey] = deque()
        self._waiters: deque[asyncio.Future[HeldKey]] = deque()
        self._filling: asyncio.Task[None] | None = None
        self._allowed = 0
        self.is_open = False
        self.first: asyncio.Future[None] | None = None
        self._rate = 0.0
        self._window_start = time.monotonic()
        self._window_count = 0
        self.last_taken = self._window_start

    def allow(self, size: int) -> None:
        """Note how many leases the pool wants kept; with none, requests ask for their own."""
        self._allowed = size
        self.is_open = size > 0

    @contextlib.contextmanager
    def asking(self) -> Iterator[None]:
        """Let others wait for the answer of the block, if it is the first that asks."""
        if self.first is not None:
            yield
            return
        self.first = asyncio.get_running_loop().create_future()
        try:
            yield
        finally:
            self.first.set_result(None)

    def __len__(self) -> int:
        """Return the number of leases in stock."""
        return len(self._leases)

    async def take(self) -> HeldKey:
        """Return a lease to be used at once.

        Raises:
            RefusedError: The pool has none.
            PoolAwayError: The pool did not answer.
        """
        now = time.monotonic()
        self._observe(now)
        # Those that came first are served first: no overtaking by a late stock.
        if not self._waiters:
            while self._leases:
                lease = self._leases.popleft()
                if lease.use_by > now:
                    if len(self._leases) < self._target() // 2:
                        self._fill()
                    return lease
                self._give_back(lease)
        waiter: asyncio.Future[HeldKey] = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        self._fill()
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and not waiter.exception():
                self._leases.appendleft(waiter.result())
            raise

    def drop(self, unwanted: Callable[[HeldKey], bool]) -> None:
        """Give back the leases that must not be used any more."""
        kept = deque(lease for lease in self._leases if not unwanted(lease))
        for lease in self._leases:
            if unwanted(lease):
                self._give_back(lease)
        self._leases = kept

    def sweep(self, now: float) -> None:
        """Give back what has lain here too long."""
        while self._leases and self._leases[0].use_by <= now:
            self._give_back(self._leases.popleft())

    def close(self) -> None:
        """Stop filling and give everything back."""
        if self._filling is not None:
            self._filling.cancel()
        self.drop(lambda _lease: True)

    def _observe(self, now: float) -> None:
        self.last_taken = now
        self._window_count += 1
        elapsed = now - self._window_start
        if elapsed >= _WINDOW:
            self._rate = self._window_count / elapsed
            self._window_start, self._window_count = now, 0

    def _target(self) -> int:
        wanted = int(self._rate * HOLD_SECONDS)
        return min(_BLOCK, self._allowed, wanted) if wanted >= 2 else 0

    def _fill(self) -> None:
        if self._filling is None:
            self._filling = asyncio.create_task(self._fill_until_enough())

    async def _fill_until_enough(self) -> None:
        try:
            while True:
                await self._fill_once()
                if not any(not waiter.done() for waiter in self._waiters):
                    break
        except PoolAwayError as error:
            self._fail(error)
        except Exception as error:
            # Whoever waits must hear of it; a task that dies alone tells nobody.
            self._fail(error)
            raise
        finally:
            self._filling = None

    async def _fill_once(self) -> None:
        waiting = sum(not waiter.done() for waiter in self._waiters)
        spare = max(0, self._target() - len(self._leases))
        count = max(1, min(_BLOCK, waiting + spare))
        grant = await self._acquire(count, HOLD_SECONDS if count > waiting else 0)
        self.allow(grant.stock_size)
        self._leases.extend(grant.keys)
        while self._waiters and self._leases:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(self._leases.popleft())
        if not grant.keys and (refusal := grant.refusal) and refusal.reason != "AGAIN":
            self._fail(refusal)

    def _fail(self, error: Exception) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(_copy(error))


def _copy(error: Exception) -> Exception:
    """Return an error that one waiter may raise without sharing its traceback."""
    if isinstance(error, RefusedError):
        return RefusedError(error.reason, str(error), error.retry_after, error.target_project_id)
    return PoolAwayError(str(error))
