"""Signs of life for streams whose upstream has not begun yet."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from types import TracebackType


class Heartbeat:
    """Beats every few seconds for the length of the block, once it takes long.

    Short waits cost a timer and no task.
    """

    def __init__(self, beat: Callable[[], Awaitable[None]], *, seconds: float) -> None:
        """Take what to do at each beat, and how far apart the beats are."""
        self._beat = beat
        self._seconds = seconds
        self._task: asyncio.Task[None] | None = None
        self._beating: asyncio.Future[None] | None = None

    async def __aenter__(self) -> None:
        """Set the timer."""
        self._timer = asyncio.get_running_loop().call_later(self._seconds, self._start)

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop; a beat that is being sent is sent whole."""
        self._timer.cancel()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            if self._beating is not None:
                await self._beating

    def _start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        while True:
            # A beat cut in the middle could leave half a frame, or a head unsent.
            self._beating = asyncio.ensure_future(self._beat())
            await asyncio.shield(self._beating)
            await asyncio.sleep(self._seconds)
