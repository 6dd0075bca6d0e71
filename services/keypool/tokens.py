"""Client tokens: making, changing and recognising them."""

import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.keypool.catalog import Token, TokenChange, TokenState
from services.keypool.client_limits import UNLIMITED, ClientLimits
from services.keypool.errors import (
    TokenExistsError,
    TokenExpiredError,
    TokenRevokedError,
    TokenUnknownError,
)
from services.keypool.identity import Identity, tail
from services.keypool.model import DEFAULT_POOL
from services.keypool.store import TokenStore
from services.kit.paging import read_page_token, write_page_token

CACHE_FOR = timedelta(seconds=5)
"""How long an answer may be kept: a revoked token opens nothing after that."""

_RANDOM_BYTES = 32
_BATCH = 500


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token to make; without a text it gets a random one."""

    text: str = field(default="", repr=False)
    name: str = ""
    scopes: tuple[str, ...] = ("models", "files")
    pool: str = DEFAULT_POOL
    allowed_models: tuple[str, ...] = ()
    expire_time: datetime | None = None
    tags: tuple[str, ...] = ()
    seeded: bool = False
    limits: ClientLimits = UNLIMITED


class Tokens:
    """The client tokens, stored as digests."""

    def __init__(self, store: TokenStore, identity: Identity) -> None:
        """Work on a store with ids."""
        self._store = store
        self._identity = identity

    async def authorize(self, text: str) -> Token:
        """Return the token of this text.

        Raises:
            TokenUnknownError: There is none.
            TokenRevokedError: It was revoked.
            TokenExpiredError: Its time is over.
        """
        token, now = await self._store.get(self._identity.token_id(text))
        digest = self._identity.token_digest(text)
        if token is None or not hmac.compare_digest(token.digest, digest):
            raise TokenUnknownError("no such token")
        if token.state is TokenState.REVOKED:
            raise TokenRevokedError("the token was revoked")
        if token.expire_time is not None and token.expire_time <= now:
            raise TokenExpiredError("the token has expired")
        return token

    async def create(self, new: NewToken) -> tuple[Token, str]:
        """Make a token and return it with its text, which is shown this once.

        Raises:
            TokenExistsError: The chosen text is known, or was revoked.
        """
        text = new.text or "sk-" + secrets.token_urlsafe(_RANDOM_BYTES)
        token = self._token(text, new)
        if not (await self._store.add([token]))[0]:
            raise TokenExistsError(
                "the token is known already", metadata={"token_id": token.token_id}
            )
        return await self.get(token.token_id), text

    async def seed(self, tokens: Sequence[NewToken]) -> int:
        """Store tokens from the settings that are unknown, and return how many were."""
        return sum(await self._store.add([self._token(new.text, new) for new in tokens]))

    async def withdraw_unseeded(self, tokens: Sequence[NewToken]) -> int:
        """Revoke what came from settings that no longer hold it, and return how many.

        One that is put back into the settings works again, unless an operator revoked it.
        """
        seeded = {self._identity.token_id(new.text) for new in tokens}
        withdrawn, after = 0, ""
        while found := await self._store.list_after(after, _BATCH):
            after = found[-1].token_id
            for token in found:
                is_active = token.state is TokenState.ACTIVE
                if token.seeded and is_active and token.token_id not in seeded:
                    change = TokenChange(state=TokenState.REVOKED, has_left_settings=True)
                    withdrawn += await self._store.change(token.token_id, change)
                elif token.has_left_settings and not is_active and token.token_id in seeded:
                    change = TokenChange(state=TokenState.ACTIVE, has_left_settings=False)
                    await self._store.change(token.token_id, change)
        return withdrawn

    async def get(self, token_id: str) -> Token:
        """Return a token.

        Raises:
            TokenUnknownError: There is none of this id.
        """
        token, _ = await self._store.get(token_id)
        if token is None:
            raise TokenUnknownError("no such token", metadata={"token_id": token_id})
        return token

    async def list_page(self, size: int, page_token: str) -> tuple[list[Token], str]:
        """Return the next tokens in the order of their ids, and the token of the next page."""
        position = read_page_token(page_token, 1)
        found = await self._store.list_after(position[0] if position else "", size + 1)
        if len(found) > size:
            return found[:size], write_page_token(found[size - 1].token_id)
        return found, ""

    async def change(self, token_id: str, change: TokenChange) -> Token:
        """Change a token and return it.

        Raises:
            TokenUnknownError: There is none of this id.
        """
        if not await self._store.change(token_id, change):
            raise TokenUnknownError("no such token", metadata={"token_id": token_id})
        return await self.get(token_id)

    def _token(self, text: str, new: NewToken) -> Token:
        token_id = self._identity.token_id(text)
        return Token(
            token_id=token_id,
            client_id=f"c-{token_id}",
            name=new.name,
            scopes=new.scopes,
            pool=new.pool,
            allowed_models=new.allowed_models,
            state=TokenState.ACTIVE,
            expire_time=new.expire_time,
            tail=tail(text),
            seeded=new.seeded,
            tags=new.tags,
            digest=self._identity.token_digest(text),
            limits=new.limits,
        )
