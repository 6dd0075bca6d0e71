"""Declaring limits: by operators; the quota file does so in `filing`."""

from services.keypool.errors import FiledError, QuotaUnknownError
from services.keypool.project_store import Declared, Limits, QuotaScope, QuotaStore


class Declarations:
    """The declared limits of all pools."""

    def __init__(self, store: QuotaStore) -> None:
        """Work on a store."""
        self._store = store

    async def declare(self, pool: str, scope: QuotaScope, limits: Limits) -> None:
        """Declare limits in place of earlier ones.

        Raises:
            FiledError: The quota file declares them.
        """
        if await self._store.set(pool, scope, limits) is Declared.FILED:
            raise _filed()

    async def list_all(self, pool: str) -> list[tuple[QuotaScope, Limits]]:
        """Return all declared limits, in the order of their scopes."""
        return await self._store.list_all(pool)

    async def withdraw(self, pool: str, scope: QuotaScope) -> None:
        """Withdraw declared limits.

        Raises:
            FiledError: The quota file declares them.
            QuotaUnknownError: None are declared for this.
        """
        declared = await self._store.delete(pool, scope)
        if declared is Declared.FILED:
            raise _filed()
        if declared is Declared.UNKNOWN:
            raise QuotaUnknownError("no limit is declared for this")


def _filed() -> FiledError:
    return FiledError("the quota file declares this limit: change it there")
