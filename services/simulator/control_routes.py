"""The control plane under `/_sim/`: a tool for tests and demos, without credentials."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, Literal

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.simulator.credentials import KeyState
from services.simulator.faults import Fault
from services.simulator.http import Exchange
from services.simulator.quota import Limits
from services.simulator.scripts import Script
from services.simulator.world import World


class _Order(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class KeyOrder(_Order):
    """Adds a key or changes it."""

    key: str = Field(min_length=1)
    project: str = ""
    state: KeyState = "valid"


class LimitsOrder(_Order):
    """Changes limits, of everything unless a project or a model is named."""

    rpm: int = Field(default=0, ge=0)
    tpm: int = Field(default=0, ge=0)
    rpd: int = Field(default=0, ge=0)
    window: Literal["sliding", "fixed"] = "sliding"
    project: str = ""
    model: str = ""


class ClockOrder(_Order):
    """Moves the clock."""

    offset_seconds: float


class BehaviourOrder(_Order):
    """Changes what is given, leaves the rest."""

    chunk_delay_seconds: float | None = Field(default=None, ge=0)
    bind_signatures: bool | None = None
    free_tier: bool | None = None
    job_seconds: float | None = Field(default=None, ge=0)
    processing_seconds: float | None = Field(default=None, ge=0)
    processing_fails: bool | None = None


class LiveOrder(_Order):
    """Warns Live sessions of their end, or ends them: all, or those of a key."""

    key: str = ""
    time_left: str = ""
    close_code: int = Field(default=1011, ge=1000, le=4999)
    reason: str = Field(default="", max_length=123)


Reply = dict[str, Any] | None
Route = Callable[[World, Exchange], Awaitable[Reply]]


async def serve_control(world: World, exchange: Exchange) -> None:
    """Serve a request to the control plane; nothing of it is counted."""
    path = exchange.path.removeprefix("/_sim/")
    name, _, rest = path.partition("/")
    route = _ROUTES.get((exchange.method, name))
    if route is None or (rest and name != "files"):
        await exchange.answer(404, b'{"error":"no such control"}', "application/json")
        return
    try:
        reply = await route(world, exchange)
    except (ValidationError, ValueError) as error:
        body = orjson.dumps({"error": str(error)})
        await exchange.answer(400, body, "application/json")
        return
    if reply is None:
        await exchange.answer(404, b'{"error":"not found"}', "application/json")
        return
    await exchange.answer(200, orjson.dumps(reply), "application/json")


async def _counts(world: World, _exchange: Exchange) -> Reply:
    return world.ledger.describe()


async def _requests(world: World, exchange: Exchange) -> Reply:
    return {"requests": world.ledger.last(int(exchange.query.get("limit", "100")))}


async def _keys(world: World, _exchange: Exchange) -> Reply:
    return {"keys": [asdict(key) for key in world.credentials.all()]}


async def _put_key(world: World, exchange: Exchange) -> Reply:
    order = KeyOrder.model_validate_json(await exchange.read_body())
    key = world.credentials.put(order.key, project=order.project, state=order.state)
    await world.live.end_bad_key(key)
    return asdict(key)


async def _faults(world: World, _exchange: Exchange) -> Reply:
    return {"faults": world.faults.describe()}


async def _add_fault(world: World, exchange: Exchange) -> Reply:
    fault = Fault.model_validate_json(await exchange.read_body())
    return {"id": world.faults.add(fault)}


async def _clear_faults(world: World, _exchange: Exchange) -> Reply:
    world.faults.clear()
    return {}


async def _put_script(world: World, exchange: Exchange) -> Reply:
    world.scripts.put(Script.model_validate_json(await exchange.read_body()))
    return {}


async def _set_limits(world: World, exchange: Exchange) -> Reply:
    order = LimitsOrder.model_validate_json(await exchange.read_body())
    limits = Limits(rpm=order.rpm, tpm=order.tpm, rpd=order.rpd, window=order.window)
    world.quotas.set_limits(limits, project=order.project, model=order.model)
    return asdict(limits)


async def _move_clock(world: World, exchange: Exchange) -> Reply:
    order = ClockOrder.model_validate_json(await exchange.read_body())
    world.clock.offset_seconds = order.offset_seconds
    return {"now": world.clock.now()}


async def _set_behaviour(world: World, exchange: Exchange) -> Reply:
    order = BehaviourOrder.model_validate_json(await exchange.read_body())
    for name, value in order.model_dump(exclude_none=True).items():
        setattr(world.behaviour, name, value)
    return asdict(world.behaviour)


async def _live(world: World, _exchange: Exchange) -> Reply:
    return {"sessions": world.live.describe()}


async def _change_live(world: World, exchange: Exchange) -> Reply:
    order = LiveOrder.model_validate_json(await exchange.read_body())
    sessions = world.live.open_of(order.key)
    for session in sessions:
        if order.time_left:
            await session.say({"goAway": {"timeLeft": order.time_left}})
        else:
            await session.end(order.close_code, order.reason)
    return {"sessions": len(sessions)}


async def _reset(world: World, _exchange: Exchange) -> Reply:
    world.reset()
    return {}


async def _file(world: World, exchange: Exchange) -> Reply:
    file_id, _, what = exchange.path.removeprefix("/_sim/files/").partition("/")
    file = world.files.find(file_id)
    if file is None or what != "sha256":
        return None
    return {"sha256": file.sha256.hex(), "size_bytes": file.size_bytes, "project": file.project}


_ROUTES: dict[tuple[str, str], Route] = {
    ("GET", "counts"): _counts,
    ("GET", "requests"): _requests,
    ("GET", "keys"): _keys,
    ("POST", "keys"): _put_key,
    ("GET", "faults"): _faults,
    ("POST", "faults"): _add_fault,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "scripts"): _put_script,
    ("POST", "limits"): _set_limits,
    ("POST", "clock"): _move_clock,
    ("POST", "behaviour"): _set_behaviour,
    ("GET", "live"): _live,
    ("POST", "live"): _change_live,
    ("POST", "reset"): _reset,
    ("GET", "files"): _file,
}
