"""Client tokens in Redis, and the sign that this Redis was set up."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import orjson
from redis.asyncio.client import Pipeline

from services.keypool.catalog import Token, TokenChange, TokenState
from services.keypool.redis_keys import META, TOKEN_IDS, TOKENS, token_key
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


class RedisTokenStore:
    """See `TokenStore`."""

    def __init__(self, port: RedisPort) -> None:
        """Work over a port."""
        self._port = port

    async def add(self, tokens: Sequence[Token]) -> list[bool]:
        """See `TokenStore.add`."""
        if not tokens:
            return []
        replies = await self._port.run(*(_add_call(token) for token in tokens))
        return [bool(reply) for reply in replies]

    async def get(self, token_id: str) -> tuple[Token | None, datetime]:
        """See `TokenStore.get`."""

        def queue(pipe: Pipeline) -> None:
            pipe.hgetall(token_key(token_id))
            pipe.time()

        fields, (seconds, micros) = await self._port.send(queue)
        now = from_ms(seconds * 1000) + timedelta(microseconds=micros)
        return _read_token(token_id, fields) if fields else None, now

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
        fields: list[str | bytes] = []
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
        if not fields:
            return (await self.get(token_id))[0] is not None
        [changed] = await self._port.run(Call(_CHANGE, TOKENS, (token_id, *fields)))
        return bool(changed)


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

    async def is_seeded(self) -> bool:
        """See `MetaStore.is_seeded`."""
        return bool(await self._port.do(lambda redis: redis.hexists(META, "seeded")))

    async def mark_seeded(self) -> None:
        """See `MetaStore.mark_seeded`."""
        await self._port.do(lambda redis: redis.hset(META, "seeded", "1"))


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
    )
