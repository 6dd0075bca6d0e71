"""Leaving a store alone for a while after it has hung, so that it stalls nobody else."""

import time

from services.files.keeping.object_store import ObjectStoreError


class Breaker:
    """Refuses all use for some time after each trip."""

    def __init__(self, seconds: float) -> None:
        """Refuse for so many seconds after a trip."""
        self._seconds = seconds
        self._until = 0.0

    def trip(self) -> None:
        """Refuse from now on."""
        self._until = time.monotonic() + self._seconds

    def check(self) -> None:
        """Do nothing while use is allowed.

        Raises:
            ObjectStoreError: It is not.
        """
        if time.monotonic() < self._until:
            raise ObjectStoreError("has hung and is left alone for a while")
