"""The memory for bytes on their way as clients share it: none of them gets more than a part.

A client's writers wait for each other before they wait for those of others, so that one client
with many uploads slows down nobody but itself.
"""

import weakref

from services.files.budget import Budget


class Shares:
    """Shares a budget between clients."""

    def __init__(self, whole: Budget, part: int) -> None:
        """Let each client have at most `part` bytes of the whole."""
        self._whole = whole
        self._part = part
        # A client that holds nothing is forgotten.
        self._parts: weakref.WeakValueDictionary[str, Budget] = weakref.WeakValueDictionary()

    def of(self, client: str) -> "ClientBudget":
        """Return the budget of a client, by a name that no other has."""
        part = self._parts.get(client)
        if part is None:
            part = self._parts[client] = Budget(self._part)
        return ClientBudget(self._whole, part)


class ClientBudget:
    """See `Budget`; a share is taken from the client's part and from the whole."""

    def __init__(self, whole: Budget, part: Budget) -> None:
        """Take from both."""
        self._whole = whole
        self._part = part

    @property
    def is_contended(self) -> bool:
        """Whether anybody waits."""
        return self._whole.is_contended or self._part.is_contended

    async def take(self, size: int) -> int:
        """Wait for a share, and return it. The caller must hold no other share."""
        await self._part.take(size)
        try:
            return await self._whole.take(size)
        except BaseException:
            self._part.give_back(size)
            raise

    def take_spare(self, size: int) -> bool:
        """Take a share if it is free and nobody waits."""
        if not self._part.take_spare(size):
            return False
        if self._whole.take_spare(size):
            return True
        self._part.give_back(size)
        return False

    def change_share(self, before: int, after: int) -> None:
        """Change a share at once, though there may not be so much: then others wait longer."""
        self._part.change_share(before, after)
        self._whole.change_share(before, after)

    def give_back(self, size: int) -> None:
        """Return a share."""
        self._part.give_back(size)
        self._whole.give_back(size)
