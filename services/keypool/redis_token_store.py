"""Client tokens in Redis, and the sign that this Redis was set up."""

from collections.abc import Sequence
from datetime import datetime

import orjson
from redis.asyncio.client import Pipeline

from services.keypool.catalog import Token, TokenChange, TokenState
from services.keypool.client_limits import UNLIMITED, ClientLimits
from services.keypool.redis_keys import META, TOKEN_IDS, TOKENS, pool_key, token_key
from services.keypool.redis_scripts import (
    Call,
    RedisPort,
    from_ms,
    load_script,
    maybe_from_ms,
    texts,
)

_ADD = load_script("add_token")
_CHANGE = load_script("change_token")
_GET = load_script("get_token")


class RedisTokenStore:
    """See `TokenStore`."""

    def __init__(self, port: RedisPort) -> None:
        """Work over a port."""
        self._port = port

    async def add(self, tokens: Sequence[Token]) -> list[bool]:
        """See `TokenStore.add`."""
        if not tokens:
            return []
        for token in tokens:
            if token.limits.is_limited and (await self.get(token.token_id))[0] is None:
                await self._impose(token, token.limits)
        replies = await self._port.run(*(_add_call(token) for token in tokens))
        return [bool(reply) for reply in replies]

    async def get(self, token_id: str) -> tuple[Token | None, datetime]:
        """See `TokenStore.get`."""
        [[row, now]] = await self._port.run(Call(_GET, TOKENS, (token_id,)))
        fields = dict(zip(row[::2], row[1::2], strict=True))
        return _read_token(token_id, fields) if fields else None, from_ms(now)

    async def list_after(self, token_id: str, limit: int) -> list[Token]:
        """See `TokenStore.list_after`."""
        start = f"({token_id}" if token_id else "-"
        ids = texts(
            await self._port.do(
                lambda redis: redis.zrangebylex(TOKEN_IDS, start, "+", start=0, num=limit)
            )
        )
        rows = await self._port.send(
            lambda pipe: [pipe.hgetall(token_key(token_id)) for token_id in ids]
        )
        return [_read_token(token_id, row) for token_id, row in zip(ids, rows, strict=True)]

    async def change(self, token_id: str, change: TokenChange) -> bool:
        """See `TokenStore.change`."""
        fields: list[str | bytes | int] = []
        if change.state is not None:
            fields += ["state", change.state.value]
        if change.name is not None:
            fields += ["name", change.name]
        if change.scopes is not None:
            fields += ["scopes", orjson.dumps(change.scopes)]
        if change.allowed_models is not None:
            fields += ["models", orjson.dumps(change.allowed_models)]
        if change.sets_expiry:
            fields += ["ends", _write_time(change.expire_time)]
        if change.has_left_settings is not None:
            fields += ["left_settings", int(change.has_left_settings)]
        if change.limits is not None:
            fields += ["limits", orjson.dumps(change.limits)]
        token, _ = await self.get(token_id)
        if token is None or not fields:
            return token is not None
        if change.state is TokenState.REVOKED:
            await self._impose(token, UNLIMITED)
        elif change.limits is not None and token.state is TokenState.ACTIVE:
            await self._impose(token, change.limits)
        [changed] = await self._port.run(Call(_CHANGE, TOKENS, (token_id, *fields)))
        return bool(changed)

    async def _impose(self, token: Token, limits: ClientLimits) -> None:
        """Put a client's limits beside the leases of its pool, where they are enforced.

        They are in force before the token tells them: what fails half-way is mended by
        doing it again.
        """
        name = pool_key(token.pool, "client", token.client_id)
        if not limits.is_limited:
            await self._port.do(lambda redis: redis.delete(name))
            return
        fields: list[str | int] = [
            *("minute_limit", limits.requests_per_minute),
            *("day_limit", limits.requests_per_day),
            *("token_limit", limits.tokens_per_day),
        ]
        await self._port.do(lambda redis: redis.hset(name, items=fields))


class RedisMetaStore:
    """See `MetaStore`."""

    def __init__(self, port: RedisPort) -> None:
        """Work over a port."""
        self._port = port

    async def load_pepper(self, owner: str, first: bytes) -> bytes:
        """See `MetaStore.load_pepper`."""
        field = f"pepper:{owner}"

        def queue(pipe: Pipeline) -> None:
            pipe.hsetnx(META, field, first)
            pipe.hget(META, field)

        _, pepper = await self._port.send(queue)
        return bytes(pepper)

    async def read_pepper(self, owner: str) -> bytes | None:
        """See `MetaStore.read_pepper`."""
        pepper = await self._port.do(lambda redis: redis.hget(META, f"pepper:{owner}"))
        return bytes(pepper) if pepper else None

    async def replace_pepper(self, owner: str, pepper: bytes) -> None:
        """See `MetaStore.replace_pepper`."""

        def queue(pipe: Pipeline) -> None:
            pipe.hset(META, f"pepper:{owner}", pepper)
            pipe.hdel(META, "seeded")

        await self._port.send(queue)

    async def is_seeded(self, epoch: str) -> bool:
        """See `MetaStore.is_seeded`."""
        marked = await self._port.do(lambda redis: redis.hget(META, "seeded"))
        return bool(marked is not None and marked.decode() == epoch)

    async def mark_seeded(self, epoch: str) -> None:
        """See `MetaStore.mark_seeded`."""
        await self._port.do(lambda redis: redis.hset(META, "seeded", epoch))


def _add_call(token: Token) -> Call:
    fields: tuple[str | bytes, ...] = (
        *("digest", token.digest),
        *("client", token.client_id),
        *("name", token.name),
        *("scopes", orjson.dumps(token.scopes)),
        *("pool", token.pool),
        *("models", orjson.dumps(token.allowed_models)),
        *("state", token.state.value),
        *("ends", _write_time(token.expire_time)),
        *("tail", token.tail),
        *("seeded", "1" if token.seeded else "0"),
        *("tags", orjson.dumps(token.tags)),
        *("limits", orjson.dumps(token.limits)),
    )
    return Call(_ADD, TOKENS, (token.token_id, *fields))


def _write_time(time: datetime | None) -> str:
    return "" if time is None else str(int(time.timestamp() * 1000))


def _read_token(token_id: str, fields: dict[bytes, bytes]) -> Token:
    return Token(
        token_id=token_id,
        client_id=fields[b"client"].decode(),
        name=fields[b"name"].decode(),
        scopes=tuple(orjson.loads(fields[b"scopes"])),
        pool=fields[b"pool"].decode(),
        allowed_models=tuple(orjson.loads(fields[b"models"])),
        state=TokenState(fields[b"state"].decode()),
        expire_time=maybe_from_ms(fields[b"ends"]),
        tail=fields[b"tail"].decode(),
        seeded=fields[b"seeded"] == b"1",
        tags=tuple(orjson.loads(fields[b"tags"])),
        digest=fields[b"digest"],
        create_time=from_ms(fields[b"created"]),
        has_left_settings=fields.get(b"left_settings") == b"1",
        limits=ClientLimits(**orjson.loads(fields.get(b"limits", b"{}"))),
    )
