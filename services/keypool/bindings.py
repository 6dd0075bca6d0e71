"""Which project and client a resource belongs to."""

from collections.abc import Sequence

from services.keypool.errors import ResourceBoundError
from services.keypool.model import Binding
from services.keypool.store import BindingStore
from services.kit.paging import read_page_token, write_page_token


class Bindings:
    """Binds resources and finds them again."""

    def __init__(self, store: BindingStore) -> None:
        """Work on a store."""
        self._store = store

    async def bind(self, pool: str, binding: Binding, *, must_be_new: bool) -> Binding:
        """Store a binding.

        Raises:
            ResourceBoundError: The name was to be new and is bound.
        """
        stored = await self._store.bind(pool, binding, must_be_new=must_be_new)
        if stored is None:
            raise ResourceBoundError(
                f"{binding.resource} is bound already", metadata={"resource": binding.resource}
            )
        return stored

    async def resolve(
        self, pool: str, resources: Sequence[str], only_of: str | None
    ) -> list[Binding]:
        """Return the bindings of those names that have one; of one client only if so asked."""
        found = await self._store.resolve(pool, resources)
        return [binding for binding in found if only_of in {None, binding.client_id}]

    async def list_page(
        self, pool: str, client_id: str, prefix: str, size: int, page_token: str
    ) -> tuple[list[Binding], str]:
        """Return a page of a client's bindings, newest first, and the token of the next."""
        after = read_page_token(page_token, 2)
        found, next_after = await self._store.list_of(
            pool, client_id, prefix, size, (after[0], after[1]) if after else None
        )
        return found, write_page_token(*next_after) if next_after else ""

    async def unbind(self, pool: str, resource: str, only_of: str | None) -> None:
        """Forget a binding; of one client only if so asked."""
        await self._store.unbind(pool, resource, only_of or "")
