"""What was fetched a moment ago: each turn of a conversation names the same pictures again."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fetched:
    """What stood behind an address.

    Attributes:
        media_type: Without parameters.
        content: All of it.
    """

    media_type: str
    content: bytes


class BriefMemory:
    """Remembers for a while, within bounds; the oldest goes first."""

    def __init__(self, *, seconds: float, max_bytes: int, clock: Callable[[], float]) -> None:
        """Remember nothing yet.

        Args:
            seconds: For how long each thing is remembered.
            max_bytes: How much is remembered at once; what is longer than a quarter never is.
            clock: Seconds that only go up.
        """
        self._seconds = seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._kept: OrderedDict[str, tuple[float, Fetched]] = OrderedDict()
        self._bytes = 0

    def get(self, url: str) -> Fetched | None:
        """Return what an address has brought, None when it is not remembered."""
        self._drop_old()
        found = self._kept.get(url)
        return found[1] if found else None

    def put(self, url: str, fetched: Fetched) -> None:
        """Remember what an address has brought."""
        if len(fetched.content) > self._max_bytes // 4:
            return
        self._drop(url)
        self._kept[url] = self._clock() + self._seconds, fetched
        self._bytes += len(fetched.content)
        self._drop_old()

    def _drop_old(self) -> None:
        now = self._clock()
        while self._kept:
            url, (ends, _) = next(iter(self._kept.items()))
            if ends > now and self._bytes <= self._max_bytes:
                return
            self._drop(url)

    def _drop(self, url: str) -> None:
        found = self._kept.pop(url, None)
        if found:
            self._bytes -= len(found[1].content)
