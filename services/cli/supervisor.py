"""A tree of processes: started in order, kept running, stopped in the opposite order."""

from collections.abc import Callable

from services.cli.child import Backoff, Child, ChildSpec


def _nothing() -> None:
    """Stand for a missing listener."""


class Supervisor:
    """Keeps parts running.

    A part that depends on another is started after it and stopped before it.
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

    async def start(self, spec: ChildSpec) -> None:
        """Start a part and return once it is ready; from then on it is kept running.

        Raises:
            ChildStartError: It ended, or was not ready in time.
        """
        child = Child(spec, self._backoff, self._on_change)
        self._children.append(child)
        await child.start()

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
