"""A tree of processes: started in order, kept running, stopped in the opposite order."""

import asyncio
from collections.abc import Callable

from services.cli.child import Backoff, Child, ChildSpec


def _nothing() -> None:
    """Stand for a missing listener."""


class Supervisor:
    """Keeps parts running.

    A part that depends on another is named after it, and stopped before it.
    """

    def __init__(
        self, *, backoff: Backoff | None = None, on_change: Callable[[], None] = _nothing
    ) -> None:
        """Supervise nothing yet.

        Args:
            backoff: The pace of restarts.
            on_change: Called each time that a part's process is another one.
        """
        self._backoff = backoff or Backoff()
        self._on_change = on_change
        self._children: list[Child] = []

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each part that runs now."""
        return {child.spec.name: child.pid for child in self._children if child.pid is not None}

    async def start(self, *specs: ChildSpec) -> None:
        """Start parts side by side and return once all are ready; from then on they are kept.

        They are stopped in the opposite order.

        Raises:
            ChildStartError: One ended, or was not ready in time: the first that was seen to.
        """
        children = [Child(spec, self._backoff, self._on_change) for spec in specs]
        self._children += children
        try:
            async with asyncio.TaskGroup() as starts:
                for child in children:
                    starts.create_task(child.start())
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None

    async def replace(self, spec: ChildSpec) -> None:
        """Stop the part of the same name and start this one in its place.

        Raises:
            ChildStartError: It ended, or was not ready in time.
        """
        [place] = [at for at, child in enumerate(self._children) if child.spec.name == spec.name]
        await self._children[place].stop()
        self._children[place] = Child(spec, self._backoff, self._on_change)
        await self._children[place].start()

    async def stop(self) -> None:
        """Stop all parts, the last started first, and return once they are gone."""
        for child in reversed(self._children):
            await child.stop()

    def kill(self) -> None:
        """End all parts at once; `stop` still waits for them."""
        for child in self._children:
            child.kill()
