"""Runs Lua scripts: many in one round trip, sent whole where the server does not know them."""

import hashlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.client import Pipeline
from redis.exceptions import NoScriptError, OutOfMemoryError, ResponseError

from services.kit.errors import StoreUnavailableError
from services.kit.redis_client import UNAVAILABLE
from services.kit.tracing import load_if_tracing

_NOT_NOW = ("MISCONF", "NOREPLICAS")
"""What stands in replies of a server that works, but takes no writes now."""


@dataclass(frozen=True, slots=True)
class Script:
    """A script with the parts that all share put before it."""

    text: str
    sha: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """One run of a script for one prefix."""

    script: Script
    prefix: str
    arguments: tuple[str | bytes | int, ...]


def assemble_script(package: str, names: Mapping[str, str], *parts: str) -> Script:
    """Put a script of a package together of its parts, after `common.lua`.

    Args:
        package: The package whose folder `lua` holds the parts.
        names: What the table PART tells the script: what things are called -> what stands
            behind the prefix.
        parts: The files, without `.lua`.
    """
    table = ", ".join(f"{part} = '{text}'" for part, text in names.items())
    text, name = read_parts(package, *parts)
    return script_of(f"local PART = {{ {table} }}\n{text}", name)


def read_parts(package: str, *parts: str) -> tuple[str, str]:
    """Return the parts of a script of a package in one text, `common.lua` first, and its name.

    That is the name of the one part whose header tells a reply.
    """
    folder = resources.files(package) / "lua"
    texts = {part: (folder / f"{part}.lua").read_text("utf-8") for part in ("common", *parts)}
    name = next((part for part, text in texts.items() if "\n-- Reply " in text), "")
    return "\n".join(texts.values()), name


def script_of(text: str, name: str) -> Script:
    """Return the script with this text."""
    # The server names scripts by SHA-1; nothing rests on its strength.
    return Script(text, hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest(), name)


class RedisPort:
    """The way from the adapters to Redis.

    Every method raises `StoreUnavailableError` when Redis does not answer or
    cannot work now; errors that are bugs stay what they are.
    """

    def __init__(self, redis: Redis) -> None:
        """Work over a client."""
        self._redis = redis

    async def run(self, *calls: Call) -> list[Any]:
        """Run scripts in one round trip and return their replies."""
        replies = await self._send(_queue_of(calls), raises=False)
        missing = [at for at, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
        if missing:
            # Only those that did not run: the others have counted.
            again = await self._send(_whole([calls[at] for at in missing]), raises=False)
            for at, reply in zip(missing, again, strict=True):
                replies[at] = reply
        for reply in replies:
            if isinstance(reply, Exception):
                with _translated():
                    raise reply
        return replies

    async def send(self, queue: Callable[[Pipeline], Any], *, raises: bool = True) -> list[Any]:
        """Send the commands that `queue` puts into a pipeline, in one round trip."""
        return await self._send(queue, raises=raises)

    async def _send(self, queue: Callable[[Pipeline], Any], *, raises: bool) -> list[Any]:
        with _translated():
            async with self._redis.pipeline(transaction=False) as pipe:
                queue(pipe)
                return await pipe.execute(raise_on_error=raises)

    async def do(self, command: Callable[[Redis], Any]) -> Any:
        """Send one command."""
        with _translated():
            return await cast("Awaitable[Any]", command(self._redis))


def open_port(redis: Redis) -> RedisPort:
    """Return the way to Redis over a client; with traces, each trip has a span."""
    spans = load_if_tracing("services.kit.spans.redis_trips")
    port: RedisPort = spans.TracedPort(redis) if spans else RedisPort(redis)
    return port


def _queue_of(calls: Sequence[Call]) -> Callable[[Pipeline], None]:
    def queue(pipe: Pipeline) -> None:
        for call in calls:
            # Not `pipe.evalsha`, which the pipeline of a cluster does not have.
            pipe.execute_command("EVALSHA", call.script.sha, 1, call.prefix, *call.arguments)

    return queue


def _whole(calls: Sequence[Call]) -> Callable[[Pipeline], None]:
    """Send the text of each script once; prefixes may be on different servers of a cluster."""

    def queue(pipe: Pipeline) -> None:
        sent: set[tuple[str, str]] = set()
        for call in calls:
            if (call.script.sha, call.prefix) in sent:
                how = ("EVALSHA", call.script.sha)
            else:
                how = ("EVAL", call.script.text)
            sent.add((call.script.sha, call.prefix))
            pipe.execute_command(*how, 1, call.prefix, *call.arguments)

    return queue


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except UNAVAILABLE as error:
        raise StoreUnavailableError("the store does not answer") from error
    except ResponseError as error:
        if isinstance(error, OutOfMemoryError) or any(word in str(error) for word in _NOT_NOW):
            raise StoreUnavailableError("the store cannot work now") from error
        raise


def to_ms(delta: timedelta) -> int:
    """Return a duration in ms, rounded up."""
    return -(-delta // timedelta(milliseconds=1)) if delta else 0


def from_ms(text: bytes | str | float) -> datetime:
    """Return the time of a number of ms since 1970."""
    return datetime.fromtimestamp(float(text) / 1000, UTC)


def maybe_from_ms(text: bytes | str | None) -> datetime | None:
    """Return the time of a number of ms, None when there is none."""
    return from_ms(text) if text and float(text) else None


def texts(values: Sequence[bytes]) -> tuple[str, ...]:
    """Return replies as texts."""
    return tuple(value.decode() for value in values)
