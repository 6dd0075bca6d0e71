"""Spans of the trips to Redis that something with a span of its own waits for."""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

from opentelemetry.trace import SpanKind, StatusCode
from redis.asyncio import Redis
from redis.asyncio.client import Pipeline

from services.kit.errors import StoreUnavailableError
from services.kit.redis_scripts import Call, RedisPort
from services.kit.spans import carrying


class TracedPort(RedisPort):
    """See `RedisPort`."""

    async def run(self, *calls: Call) -> list[Any]:
        """See `RedisPort.run`."""
        names = dict.fromkeys(call.script.name for call in calls)
        with _trip("EVALSHA", " ".join(names), len(calls)):
            return await super().run(*calls)

    async def send(self, queue: Callable[[Pipeline], Any], *, raises: bool = True) -> list[Any]:
        """See `RedisPort.send`."""
        with _trip("PIPELINE"):
            return await super().send(queue, raises=raises)

    async def do(self, command: Callable[[Redis], Any]) -> Any:
        """See `RedisPort.do`."""
        with _trip("COMMAND"):
            return await super().do(command)


@contextlib.contextmanager
def _trip(operation: str, script: str = "", size: int = 1) -> Iterator[None]:
    """Make a span; what the services do by themselves, every second or so, has none."""
    if not carrying.is_inside():
        yield
        return
    attributes: dict[str, str | int] = {"db.system.name": "redis", "db.operation.name": operation}
    if script:
        attributes["db.stored_procedure.name"] = script
    if size > 1:
        attributes["db.operation.batch.size"] = size
    span = carrying.tracer().start_span(
        f"{operation} {script}".rstrip(), kind=SpanKind.CLIENT, attributes=attributes
    )
    try:
        yield
    except StoreUnavailableError as error:
        span.set_attribute("error.type", type(error).__name__)
        span.set_status(StatusCode.ERROR)
        raise
    finally:
        span.end()
