"""Spans of calls tell how they ended, and change nothing of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracerProvider
from redis.asyncio import Redis

from services.edge.keypool import Keypool, TokenRefusedError
from services.kit import tracing
from services.kit.spans import carrying
from tests.support.keypool import CREDENTIALS, running_keypool
from tests.support.valkey import redis_url, valkey_server
from tests.support.waiting import eventually

__all__ = ["redis_url", "valkey_server"]

METHOD = "gemini_balance.keypool.v1.KeyPoolService/Authorize"


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> Iterator[InMemorySpanExporter]:
    """Make spans in this process, and keep them."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing._state, "provider", provider)
    carrying.use(provider)
    yield exporter
    carrying.use(NoOpTracerProvider())


@pytest.fixture
async def keypool(spans: InMemorySpanExporter, redis_url: str) -> AsyncIterator[Keypool]:
    """The edge's side of a key pool, both of them with traces."""
    async with running_keypool(redis_url) as running:
        calling = Keypool(running.target, CREDENTIALS["edge"][0])
        spans.clear()
        yield calling
        await calling.close()


async def ended(spans: InMemorySpanExporter, count: int) -> dict[str, ReadableSpan]:
    """Return the spans of the method by their kinds, once there are enough."""

    async def read() -> list[ReadableSpan]:
        return [span for span in spans.get_finished_spans() if span.name == METHOD]

    found = await eventually(read, lambda seen: len(seen) >= count)
    return {span.kind.name: span for span in found}


def code(span: ReadableSpan) -> object:
    return (span.attributes or {})["rpc.response.status_code"]


async def test_a_refusal_is_what_it_was_and_the_callers_fault(
    keypool: Keypool, spans: InMemorySpanExporter
) -> None:
    with pytest.raises(TokenRefusedError, match="unknown"):
        await keypool.authorize("sk-of-nobody-0123456789")

    found = await ended(spans, 2)
    assert code(found["CLIENT"]) == code(found["SERVER"])
    assert found["CLIENT"].status.status_code.name == "ERROR"
    assert found["SERVER"].status.status_code.name == "UNSET"
    parent, caller = found["SERVER"].parent, found["CLIENT"].context
    assert parent is not None
    assert caller is not None
    assert (parent.trace_id, parent.span_id) == (caller.trace_id, caller.span_id)


async def test_a_call_that_is_given_up_ends_at_both_sides(
    keypool: Keypool, spans: InMemorySpanExporter, redis_url: str
) -> None:
    redis = Redis.from_url(redis_url)
    await redis.client_pause(1500)
    try:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await keypool.authorize("sk-of-nobody-0123456789")
    finally:
        await redis.client_unpause()
        await redis.aclose()

    found = await ended(spans, 2)
    assert code(found["CLIENT"]) == "CANCELLED"
    assert code(found["SERVER"]) == "CANCELLED"
    assert found["CLIENT"].status.status_code.name == "UNSET"
