"""The granules of one write: one gathers bytes, others are on their way or wait for it."""

from services.files.granules import Granule, regrouped
from services.files.shares import ClientBudget


class Room:
    """The granules of one write, and the memory that they take.

    Attributes:
        filling: The one that gathers bytes; None until bytes come.
        waiting: Full ones, to be sent in order.
    """

    def __init__(self, budget: ClientBudget) -> None:
        """Take no memory yet."""
        self._budget = budget
        self._share = 0
        self._spare: Granule | None = None
        self.filling: Granule | None = None
        self.waiting: list[Granule] = []

    async def begin(self, start: int, size: int, *, stored: int = 0) -> Granule:
        """Wait for memory and return the granule that gathers bytes now.

        Args:
            start: Offset of its first byte.
            size: Bytes that it takes.
            stored: How many of them lie in the store.
        """
        self._share += await self._budget.take(size)
        self.filling = Granule(start, size, stored=stored)
        return self.filling

    def hand_over(self) -> None:
        """Let go of the granule that gathers; its memory stays taken."""
        self.filling = None

    def go_on(self, start: int, size: int) -> bool:
        """Gather bytes in another granule; False when there is no memory for one now."""
        if self._spare is None and self._budget.take_spare(size):
            self._share += size
            self._spare = Granule(start, size)
        if self._spare is None:
            return False
        self.filling, self._spare = self._spare, None
        self.filling.reuse(start)
        return True

    def lay_by(self, granule: Granule) -> None:
        """Keep a granule that has arrived for the next bytes, unless others need its memory."""
        if self._budget.is_contended or self._spare is not None:
            self._give_back(granule.capacity)
            # Its sender may know it for as long as it waits for its turn.
            granule.free()
        else:
            self._spare = granule

    def regroup(self, first: Granule, start: int, size: int) -> None:
        """Put all bytes into granules of another size or place; the last one gathers.

        Args:
            first: The granule before those that are known here.
            start: Offset of the first byte that is still needed.
            size: Bytes of each granule.
        """
        granules = [first, *self.waiting]
        if self.filling is not None and self.filling is not first:
            granules.append(self.filling)
        pieces = [each.view(max(0, start - each.start)) for each in granules]
        *self.waiting, self.filling = regrouped(pieces, start, size)
        for granule in granules:
            granule.free()
        self._spare = None
        share = sum(granule.capacity for granule in (*self.waiting, self.filling))
        self._budget.change_share(self._share, share)
        self._share = share

    def close(self) -> None:
        """Give all memory back, also that of granules which an error still knows."""
        for granule in (self.filling, self._spare, *self.waiting):
            if granule is not None:
                granule.free()
        self.filling = self._spare = None
        self.waiting = []
        self._give_back(self._share)

    def _give_back(self, size: int) -> None:
        self._budget.give_back(size)
        self._share -= size
