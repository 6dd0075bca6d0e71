"""How a request has reached this process, for the addresses that its client is told."""

from services.edge.http import Exchange
from services.edge.uploads.addresses import Arrival


def arrival_of(exchange: Exchange) -> Arrival:
    """Return how a request has arrived."""
    scope = exchange.scope
    host, port = scope.get("server") or ("localhost", None)
    peer, _ = scope.get("client") or ("", 0)
    if ":" in host:
        host = f"[{host}]"
    return Arrival(
        path=scope["raw_path"].decode("latin-1"),
        scheme=scope["scheme"],
        peer=peer,
        local=f"{host}:{port}" if port else host,
        headers=exchange.headers,
    )
