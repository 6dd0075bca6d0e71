"""Names of models, and of sessions in traces."""

import json
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracerProvider
from websockets.exceptions import ConnectionClosed

from services.kit import tracing
from services.kit.spans import carrying
from tests.integration.edge.live.conftest import World
from tests.support.live import TALK, ask, bare, begin, setup
from tests.support.waiting import eventually


async def test_an_alias_stands_for_a_model(world: World) -> None:
    async with (
        world.edge(model_aliases=json.dumps({"talker": TALK})) as edge,
        bare(edge, world.token) as connection,
    ):
        await begin(connection, model="talker")
        [session] = await world.open_sessions(1)

    assert session["model"] == TALK


async def test_a_model_that_is_kept_back(world: World) -> None:
    async with (
        world.edge(filtered_models=json.dumps(["gemini-live-*"])) as edge,
        bare(edge, world.token) as connection,
    ):
        with pytest.raises(ConnectionClosed) as caught:
            await connection.send(setup())
            await connection.recv()

    assert caught.value.rcvd
    assert caught.value.rcvd.code == 1008
    assert (await world.google.counts()).total.requests == 0


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


async def test_a_session_is_one_trace(spans: InMemorySpanExporter, world: World) -> None:
    await world.google.add_fault("overloaded")
    async with world.edge() as edge, bare(edge, world.token) as connection:
        await begin(connection)
        await ask(connection, "please repeat plum")

    async def ended() -> dict[str, ReadableSpan]:
        found = spans.get_finished_spans()
        return {span.name: span for span in found} if "WebSocket" in {s.name for s in found} else {}

    found = await eventually(ended, bool)
    session, begun = found["WebSocket"], found[f"live {TALK}"]
    tries = [span for span in spans.get_finished_spans() if span.name == begun.name]
    assert [(span.attributes or {})["http.response.status_code"] for span in tries] == [503, 200]
    assert {span.context.trace_id for span in (*tries, session)} == {session.context.trace_id}
    assert (session.attributes or {})["gen_ai.usage.output_tokens"]
    assert "plum" not in "".join(span.to_json() for span in spans.get_finished_spans())
