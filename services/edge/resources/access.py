"""Who may use what a request names, and which project that leaves."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from services.edge.calls import Call
from services.edge.errors import bad_request, pool_away
from services.edge.leasing.lease import Need, PoolAwayError
from services.edge.resources.citations import may_cite, read_citations
from services.edge.resources.names import Binding
from services.edge.resources.registry import Registry
from services.edge.resources.rules import missing
from services.judging import Operation

# Calls that come by the thousand: only those are spared the look at every string.
_HOT = {Operation.GENERATE, Operation.EMBED, Operation.COUNT_TOKENS}
_MOST_NAMES = 256


class Access:
    """Resolves names, and refuses those that a client does not own."""

    def __init__(self, registry: Registry, *, files_are_shared: bool) -> None:
        """Take the bindings.

        Args:
            registry: Where names are bound.
            files_are_shared: Whether the clients of a pool may use each other's files.
        """
        self._registry = registry
        self._files_are_shared = files_are_shared

    async def resolve(self, need: Need, names: Sequence[str]) -> tuple[Binding, ...]:
        """Return the bindings of names that a client may use.

        Args:
            need: Tells the client and its pool.
            names: As `root_of` returns them.

        Raises:
            ApiError: What Google answers for the first one that is unknown or somebody
                else's; 503 when that cannot be told.
        """
        try:
            found = await self._registry.resolve(need.pool, names)
        except PoolAwayError:
            raise pool_away() from None
        for name in names:
            binding = found.get(name)
            if binding is None or not self._may_use(need.client_id, binding):
                raise missing(name)
        return tuple(found[name] for name in names)

    async def cite(self, call: Call, request: dict[str, Any]) -> Call:
        """Return a call that goes where what it cites lies.

        Args:
            call: The call, perhaps bound by its path already.
            request: Its body, parsed. It may be changed.

        Raises:
            ApiError: As for `resolve`; 400 when it names too many things.
        """
        citations = read_citations(call.body, request)
        known = {binding.name for binding in call.cited}
        new = [name for name in citations.names if name not in known]
        if len(known) + len(new) > _MOST_NAMES:
            raise bad_request(f"A request can name at most {_MOST_NAMES} things.")
        call = replace(call, body=citations.body)
        return bound_to(call, await self.resolve(call.need, new)) if new else call

    def _may_use(self, client_id: str, binding: Binding) -> bool:
        return binding.client_id == client_id or (self._files_are_shared and binding.is_file)


def may_name_something(call: Call) -> bool:
    """Whether a call needs a closer look at its body."""
    return call.need.operation not in _HOT or may_cite(call.body)


def bound_to(call: Call, bindings: Iterable[Binding]) -> Call:
    """Return a call that names some more things, and so needs a key of their project."""
    cited = (*call.cited, *bindings)
    projects = {binding.project_id for binding in cited}
    if len(projects) == 1:
        need = replace(call.need, project=projects.pop(), resources=())
    else:
        names = tuple(binding.name for binding in cited)
        need = replace(call.need, project="", resources=names)
    return replace(call, cited=cited, need=need)
