"""Who is calling: the token of a request, and what the key pool says of it."""

import asyncio
import re
import time
from collections import OrderedDict
from fnmatch import fnmatchcase

from services.edge.errors import (
    model_not_allowed,
    pool_away,
    scope_missing,
    token_missing,
    token_refused,
)
from services.edge.http import Exchange
from services.edge.keypool import Client, Keypool, TokenRefusedError
from services.edge.leasing.lease import PoolAwayError
from services.edge.pools import check_kind

_ACCEPTABLE = re.compile(r"[\x21-\x7e]{1,512}")
_KEPT = 20_000
_REFUSAL_SECONDS = 2.0
_FRESH_SHARE = 0.6
_STALE_SECONDS = 1.0


def token_of(exchange: Exchange) -> str:
    """Return the client's token, from whichever of its four carriers it came in.

    Raises:
        ApiError: 401 when there is none, or when it cannot be one.
    """
    kind, _, bearer = exchange.header(b"authorization").partition(" ")
    token = (
        (bearer.strip() if kind.lower() == "bearer" else "")
        or exchange.header(b"x-goog-api-key")
        or exchange.header(b"x-api-key")
        or exchange.query_value("key")
    )
    if not token:
        raise token_missing()
    return check_token(token)


def check_token(token: str) -> str:
    """Return a token if it can be one.

    Raises:
        ApiError: 401 otherwise.
    """
    if not _ACCEPTABLE.fullmatch(token):
        raise token_refused("it holds characters that no token has")
    return token


def check_scope(client: Client, scope: str) -> None:
    """Raise ApiError 403 unless the client has a scope."""
    if scope not in client.scopes:
        raise scope_missing(scope)


def check_model_allowed(client: Client, model: str, *, asked: str = "") -> None:
    """Raise ApiError 403 unless the client may use a model.

    Args:
        client: The client.
        model: The upstream's name of the model.
        asked: What the client calls it, when that is another name: it may be allowed too.
    """
    if not may_use_model(client, model) and not (asked and may_use_model(client, asked)):
        raise model_not_allowed(asked or model)


def may_use_model(client: Client, model: str) -> bool:
    """Whether a client may use what has this name."""
    return not client.allowed_models or any(
        fnmatchcase(model, pattern) for pattern in client.allowed_models
    )


class _Known:
    """What was last heard of one token."""

    __slots__ = ("client", "confirmed", "expires", "problem", "renewing", "renews")

    def __init__(self, client: Client | None, problem: str, cache_for: float) -> None:
        now = time.monotonic()
        self.client = client
        self.problem = problem
        self.confirmed = now
        self.renews = now + cache_for * _FRESH_SHARE
        self.expires = now + cache_for
        self.renewing = False


class Clients:
    """Remembers for a few seconds who holds which token.

    An answer is asked for anew before it goes stale, so that a busy client never
    waits; while the key pool is away the last answer stands for the grace time.
    """

    def __init__(self, keypool: Keypool, *, grace_seconds: float, patience: float) -> None:
        """Take the pool, how long old answers may stand, and how long to wait for a first."""
        self._keypool = keypool
        self._grace = grace_seconds
        self._patience = patience
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asking: dict[str, asyncio.Task[_Known]] = {}

    async def identify(self, exchange: Exchange) -> Client:
        """Return who sent a request.

        Raises:
            ApiError: 401 for no token or a bad one, 403 for one whose keys are of another kind,
                503 when it cannot be told.
        """
        return await self.holder_of(token_of(exchange), exchange.path)

    async def holder_of(self, token: str, path: str) -> Client:
        """Return who holds a token, and may use it for a path.

        Raises:
            ApiError: As for `identify`.
        """
        known = self._known.get(token)
        now = time.monotonic()
        if known is None or known.expires <= now:
            known = await self._ask(token, known)
        elif known.renews <= now and not known.renewing:
            known.renewing = True
            self._start(token)
        if known.client is None:
            raise token_refused(known.problem)
        check_kind(known.client, path)
        return known.client

    async def _ask(self, token: str, old: _Known | None) -> _Known:
        try:
            return await asyncio.shield(self._start(token))
        except PoolAwayError:
            now = time.monotonic()
            if old is None or now - old.confirmed > self._grace:
                raise pool_away() from None
            # Not asked again by each request: an absent pool may take its time to fail.
            old.expires = now + _STALE_SECONDS
            return old

    def _start(self, token: str) -> asyncio.Task[_Known]:
        """Ask the pool; all who ask for the same token share one question."""
        task = self._asking.get(token)
        if task is None:
            task = self._asking[token] = asyncio.create_task(self._fetch(token))
            task.add_done_callback(lambda done: self._asked(token, done))
        return task

    def _asked(self, token: str, task: asyncio.Task[_Known]) -> None:
        del self._asking[token]
        # Retrieved here too: a renewal in the background has nobody who awaits it.
        if not task.cancelled() and isinstance(task.exception(), PoolAwayError):
            known = self._known.get(token)
            if known is not None:
                known.renewing = False

    async def _fetch(self, token: str) -> _Known:
        patience = 0 if token in self._known else self._patience
        try:
            client = await self._keypool.authorize(token, patience=patience)
            known = _Known(client, "", client.cache_for)
        except TokenRefusedError as error:
            known = _Known(None, str(error), _REFUSAL_SECONDS)
        self._known[token] = known
        self._known.move_to_end(token)
        if len(self._known) > _KEPT:
            self._known.popitem(last=False)
        return known
