"""The calls on interactions, whose streams differ from those of generate calls."""

from collections.abc import Awaitable, Callable
from typing import Any

import orjson

from services.simulator.calls import Call
from services.simulator.errors import invalid, overloaded
from services.simulator.faults import Fault
from services.simulator.generate import write_json
from services.simulator.http import Exchange
from services.simulator.owned.interactions import Interaction

_EVENTS = "text/event-stream"


async def create(call: Call, exchange: Exchange, fault: Fault | None) -> None:
    """Answer a turn, whole or as events."""
    request = _read(await exchange.read_body())
    seconds = call.world.behaviour.job_seconds
    interaction = call.world.interactions.create(request, call.project, seconds=seconds)
    call.world.charge(call.project, interaction.model, interaction.usage["total_input_tokens"])
    if request.get("stream"):
        await _stream(call, exchange, interaction, fault)
    else:
        await _tell(call, exchange, interaction)


async def get(call: Call, exchange: Exchange, fault: Fault | None) -> None:
    """Answer an interaction of the project, whole or as events."""
    interaction = call.world.interactions.get(call.route.name, call.project)
    if exchange.query.get("stream") == "true":
        await _stream(call, exchange, interaction, fault)
    else:
        await _tell(call, exchange, interaction)


async def cancel(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Stop an interaction that runs in the background."""
    await exchange.skip_body()
    await _tell(call, exchange, call.world.interactions.cancel(call.route.name, call.project))


async def delete(call: Call, exchange: Exchange, _fault: Fault | None) -> None:
    """Delete an interaction of the project."""
    call.world.interactions.delete(call.route.name, call.project)
    await exchange.answer(200, write_json({}))


async def _stream(
    call: Call, exchange: Exchange, interaction: Interaction, fault: Fault | None
) -> None:
    whole = fault.after_chunks if fault else None
    await exchange.start_stream(_EVENTS)
    for number, event in enumerate(interaction.events(call.world.clock.now())):
        if fault and number == whole:
            await _damage(exchange, fault)
            return
        if number and call.world.behaviour.chunk_delay_seconds:
            await exchange.pause(call.world.behaviour.chunk_delay_seconds)
        await exchange.write(_frame(event))
    await exchange.write(b"event: done\ndata: [DONE]\n\n")
    await exchange.end_stream()


async def _damage(exchange: Exchange, fault: Fault) -> None:
    if fault.kind == "drop_midstream":
        await exchange.cut()
        return
    if fault.kind == "error_chunk":
        error = {"code": "unavailable", "message": overloaded().message}
        await exchange.write(_frame({"event_type": "error", "error": error}))
    await exchange.end_stream()


def _frame(event: dict[str, Any]) -> bytes:
    kind: str = event["event_type"]
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps(event) + b"\n\n"


async def _tell(call: Call, exchange: Exchange, interaction: Interaction) -> None:
    await exchange.answer(200, write_json(interaction.describe(call.world.clock.now())))


def _read(body: bytes) -> dict[str, Any]:
    try:
        request = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise invalid("Invalid JSON payload received.") from error
    if not isinstance(request, dict):
        raise invalid("Invalid JSON payload received.")
    return request


INTERACTION_CALLS: dict[str, Callable[[Call, Exchange, Fault | None], Awaitable[None]]] = {
    "interactions.create": create,
    "interactions.get": get,
    "interactions.cancel": cancel,
    "interactions.delete": delete,
}
