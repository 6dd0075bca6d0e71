"""What a request needs a lease for, and how long it can wait for it."""

from dataclasses import dataclass, replace
from typing import Any

from services.edge.affinity import prefix_hash
from services.edge.estimating import estimate_tokens
from services.edge.http import Exchange
from services.edge.keypool import Client
from services.edge.leasing.lease import Need
from services.edge.model_names import draws_pictures
from services.edge.pools import shares_purpose_pools
from services.edge.settings import EdgeSettings
from services.judging import Operation

_CLIENT_TIMEOUTS = (b"x-server-timeout", b"x-stainless-read-timeout")
_RESERVE_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Asker:
    """Who asks, and in which exchange."""

    exchange: Exchange
    client: Client


def need_of(settings: EdgeSettings, asker: Asker, model: str, operation: Operation) -> Need:
    """Return what a request needs, before its content is looked at."""
    client = asker.client
    draws = operation is Operation.GENERATE and draws_pictures(model)
    return Need(
        pool=client.pool,
        client_id=client.client_id,
        model=model,
        operation=operation,
        from_stock=not client.limited,
        patience=_patience(settings.max_wait_seconds, asker.exchange),
        prefers_paid=draws and shares_purpose_pools(client),
    )


def with_content(need: Need, body: bytes, request: dict[str, Any]) -> Need:
    """Return the need with what its content tells: its size, and what it begins with.

    Args:
        need: What is known so far.
        body: The request as it goes upstream.
        request: The same, parsed.
    """
    affinity = prefix_hash(need.client_id, need.model, body, request)
    return replace(
        need,
        input_tokens=estimate_tokens(body, request),
        affinity=affinity,
        from_stock=need.from_stock and not affinity,
    )


def _patience(longest: float, exchange: Exchange) -> float:
    """Return how long the request may wait, so that its client has not given up before."""
    wait = longest
    for name in _CLIENT_TIMEOUTS:
        value = exchange.headers.get(name)
        if value is not None:
            try:
                wait = min(wait, float(value) - _RESERVE_SECONDS)
            except ValueError:
                continue
    return max(0.0, wait)
