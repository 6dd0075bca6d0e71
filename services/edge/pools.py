"""Pools of keys that serve one purpose, and who may use them beside their own clients."""

from dataclasses import replace

from services.edge.errors import pool_not_allowed
from services.edge.keypool import Client

VERTEX_POOL = "vertex-express"
"""Keys of Vertex AI in express mode: another kind, for another address."""

PAID_POOL = "paid"
"""Keys for pictures, before those of the client's own pool."""

VERTEX_ROOT = "/vertex-express/"
"""The one prefix under which keys of Vertex express are used."""

_DEFAULT_POOL = "default"


def shares_purpose_pools(client: Client) -> bool:
    """Whether a client may use pools of a purpose, too.

    Clients of another pool were given that one and no more, and what a client may use is
    counted with the leases of its own pool, so limits would not hold in another one.
    """
    return client.pool == _DEFAULT_POOL and not client.limited


def as_vertex_client(client: Client) -> Client:
    """Return a client whose requests use keys of Vertex express and no others.

    Raises:
        ApiError: 403 when the client may not use them.
    """
    if client.pool == VERTEX_POOL:
        return client
    if not shares_purpose_pools(client):
        raise pool_not_allowed(
            "The token may not use Vertex express: its own pool or its limits bind it. "
            f"A token of the pool '{VERTEX_POOL}' may."
        )
    return replace(client, pool=VERTEX_POOL)


def check_kind(client: Client, path: str) -> None:
    """Raise ApiError 403 when a client's keys are not for what a path stands for."""
    if client.pool == VERTEX_POOL and not path.startswith(VERTEX_ROOT):
        raise pool_not_allowed(f"The token is for {VERTEX_ROOT}v1beta alone.")
