"""Who opens a session: a client by its own token, or anybody by an ephemeral one."""

from dataclasses import dataclass

from services.edge.clients import Clients, check_scope, check_token, token_of
from services.edge.errors import pool_away, token_refused
from services.edge.http import Exchange
from services.edge.keypool import Client
from services.edge.leasing.lease import PoolAwayError
from services.edge.resources.ephemeral import DIRECTORY
from services.edge.resources.names import Binding, root_of
from services.edge.resources.registry import Registry

_EPHEMERAL = "auth_tokens/"


@dataclass(frozen=True, slots=True)
class Caller:
    """Who opens a session.

    Attributes:
        client: On whose behalf.
        ephemeral: The ephemeral token that opens it at Google, too; empty without one.
        binding: Of that token, to the project whose key made it.
    """

    client: Client
    ephemeral: str = ""
    binding: Binding | None = None


class Callers:
    """Tells who opens a session."""

    def __init__(self, clients: Clients, registry: Registry) -> None:
        """Take who knows tokens, and where ephemeral ones are bound."""
        self._clients = clients
        self._registry = registry

    async def identify(self, exchange: Exchange) -> Caller:
        """Return who opens a session.

        Raises:
            ApiError: 401 for no token or a bad one, 403 for one that opens no models, 503
                when it cannot be told.
        """
        token = _token_of(exchange)
        if token.startswith(_EPHEMERAL):
            return await self._holder_of_ephemeral(token)
        client = await self._clients.holder_of(token, exchange.path)
        check_scope(client, "models")
        return Caller(client)

    async def _holder_of_ephemeral(self, token: str) -> Caller:
        name = root_of(token)
        if name is None:
            raise token_refused("it cannot be an ephemeral token")
        try:
            listed = (await self._registry.resolve(DIRECTORY, [name])).get(name)
            pool = listed.project_id if listed else ""
            found = (await self._registry.resolve(pool, [name])).get(name) if pool else None
        except PoolAwayError:
            raise pool_away() from None
        if found is None:
            raise token_refused("it was not made here, or has expired")
        client = Client(
            client_id=found.client_id,
            scopes=frozenset({"models"}),
            pool=pool,
            # Google holds its bearer to what its maker allowed, and that was checked.
            allowed_models=(),
            limited=True,
            cache_for=0,
        )
        return Caller(client, token, found)


def _token_of(exchange: Exchange) -> str:
    """Return the token, from whichever of the carriers of Live's clients it came in."""
    kind, _, value = exchange.header(b"authorization").partition(" ")
    token = (value.strip() if kind.lower() == "token" else "") or exchange.query_value(
        "access_token"
    )
    return check_token(token) if token else token_of(exchange)
