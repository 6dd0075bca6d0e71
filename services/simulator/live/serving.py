"""Serves one Live session over ASGI."""

import asyncio
import re
from typing import Any

import orjson
from uvicorn.protocols.utils import ClientDisconnected

from services.kit.logs import get_logger
from services.kit.ops import Receive, Scope, Send
from services.simulator.catalog import MODELS
from services.simulator.credentials import Key, check_key, read_credential
from services.simulator.errors import ApiError, invalid
from services.simulator.faults import LIVE, Fault, refusal
from services.simulator.http import RECORDED_BODY, Exchange
from services.simulator.ledger import Entry
from services.simulator.live.closing import code_of, reason_of
from services.simulator.live.conversation import Conversation, Said, check_setup
from services.simulator.validation import read_message
from services.simulator.world import World

_log = get_logger(__name__)

_PATH = re.compile(
    r"/ws/google\.ai\.generativelanguage\.(?P<version>v1|v1beta|v1alpha)"
    r"\.GenerativeService\.BidiGenerateContent(?P<constrained>Constrained)?"
)
_FLOOD_PIECE = 64 * 1024
_LOOK_SECONDS = 0.02


class _LeftError(Exception):
    """The client has closed the connection, or the session was ended here."""


class LiveSession:
    """One session; see `desk.Session`.

    Attributes:
        key: Whose it is.
        model: Its name.
        heard: Messages of the client after the setup.
        said: Messages to the client.
    """

    def __init__(self, receive: Receive, send: Send, key: Key, model: str) -> None:
        """Take a connection that was accepted."""
        self._receive = receive
        self._send = send
        self.key = key
        self.model = model
        self.heard = 0
        self.said = 0

    async def hear(self) -> bytes:
        """Return the next message; _LeftError when there is none."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            raise _LeftError
        self.heard += 1
        return _body(message)

    async def say(self, message: Said) -> None:
        """Say something, in a frame of bytes as Google does."""
        self.said += 1
        await self._put({"type": "websocket.send", "bytes": orjson.dumps(message)})

    async def end(self, code: int, reason: str) -> None:
        """Close the connection."""
        await self._put({"type": "websocket.close", "code": code, "reason": reason})

    def describe(self) -> dict[str, Any]:
        """Return what there is to tell."""
        return {
            "key": self.key.text,
            "project": self.key.project,
            "model": self.model,
            "heard": self.heard,
            "said": self.said,
        }

    async def _put(self, message: dict[str, Any]) -> None:
        try:
            await self._send(message)
        except ClientDisconnected:
            raise _LeftError from None


async def serve_live(world: World, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve one connection: open, set up, talk, end."""
    exchange = Exchange({**scope, "method": "GET"}, receive, send)
    ledger = world.ledger
    entry = ledger.open(exchange, world.clock.now())
    entry.verb = LIVE
    try:
        await _serve(world, exchange, entry, receive, send)
    except _LeftError:
        pass
    except Exception:  # noqa: BLE001  # the boundary
        _log.exception("session failed")
    finally:
        ledger.close(entry)


async def _serve(
    world: World, exchange: Exchange, entry: Entry, receive: Receive, send: Send
) -> None:
    await receive()
    match = _PATH.fullmatch(exchange.path)
    if match is None:
        await _refuse(exchange, send, 404)
        return
    key, problem = _identify(world, exchange, constrained=bool(match["constrained"]))
    entry.key, entry.project = key.text, key.project
    fault = world.faults.take(key=key.text, project=key.project, model="", verb=LIVE)
    if fault is not None and fault.kind == "live_refuse_opening":
        await _refuse(exchange, send, fault.status or 403)
        return
    await send({"type": "websocket.accept"})
    session = LiveSession(receive, send, key, "")
    try:
        if problem is not None:
            raise problem
        talk = await _set_up(world, session, entry, fault, match["version"])
    except ApiError as error:
        exchange.status = error.code
        await session.end(code_of(error), reason_of(error))
        return
    exchange.status = 200
    number = world.live.enter(session)
    try:
        await session.say({"setupComplete": {}})
        await _talk(world, session, talk, fault)
    except ApiError as error:
        await session.end(code_of(error), reason_of(error))
    finally:
        world.live.leave(number)


async def _set_up(
    world: World, session: LiveSession, entry: Entry, fault: Fault | None, version: str
) -> Conversation:
    exchange = entry.exchange
    frame = await session.hear()
    session.heard = 0
    exchange.recorded, exchange.body_bytes = frame[:RECORDED_BODY], len(frame)
    setup = read_message("LiveClientMessage", frame).get("setup")
    if not isinstance(setup, dict):
        raise invalid("setup must be the first message and only the first.")
    token = _token(exchange)
    if token:
        setup = setup | read_message("LiveSetup", world.live.use_token(token).setup)
    model = check_setup(setup, MODELS, version)
    session.model = entry.model = model.name
    key = session.key
    if fault is not None:
        if fault.delay_seconds:
            await asyncio.sleep(fault.delay_seconds)
        free = world.behaviour.free_tier
        problem = refusal(
            fault, key=key.text, project=key.project, model=model.name, is_free_tier=free
        )
        if problem is not None:
            raise problem
    world.files.check_citations(frame, setup, key.project)
    world.charge(key.project, model.name, 0)
    handle = (setup.get("sessionResumption") or {}).get("handle")
    contents = world.live.resume(handle, key.project) if handle else None
    return Conversation(setup, model, key.project, contents)


async def _talk(
    world: World, session: LiveSession, talk: Conversation, fault: Fault | None
) -> None:
    kind, left = (fault.kind, fault.after_chunks) if fault else ("", 0)
    if fault is not None and kind == "live_deaf":
        while world.faults.is_in_force(fault):
            await asyncio.sleep(_LOOK_SECONDS)
    if fault is not None and kind == "live_flood":
        piece = {"serverContent": {"modelTurn": {"parts": [{"text": "x" * _FLOOD_PIECE}]}}}
        for _ in range(fault.megabytes * 1024 * 1024 // _FLOOD_PIECE):
            await session.say(piece)
    while True:
        if fault is not None and kind == "live_close" and left <= 0:
            await session.end(fault.close_code, fault.reason)
            return
        frame = await session.hear()
        message = read_message("LiveClientMessage", frame)
        world.files.check_citations(frame, message, session.key.project)
        for said in talk.hear(message):
            if fault is not None and kind == "live_close" and left <= 0:
                await session.end(fault.close_code, fault.reason)
                return
            left -= 1
            await session.say(said)
        if talk.is_resumable and ("clientContent" in message or "realtimeInput" in message):
            handle = world.live.new_handle(session.key.project, talk.contents)
            await session.say({"sessionResumptionUpdate": {"newHandle": handle, "resumable": True}})


def _identify(
    world: World, exchange: Exchange, *, constrained: bool
) -> tuple[Key, ApiError | None]:
    """Return whose session it is to be, and why it must not be."""
    token = _token(exchange)
    try:
        if token and not constrained:
            raise ApiError(401, "Request had invalid authentication credentials.")
        if token:
            return Key("", world.live.project_of(token)), None
        text = read_credential(
            header=exchange.header(b"x-goog-api-key"),
            query=exchange.query.get("key", ""),
            authorization=exchange.header(b"authorization"),
        )
        key = world.credentials.find(text)
        check_key(text, key)
    except ApiError as error:
        return Key(exchange.header(b"x-goog-api-key"), ""), error
    return key or Key(text, ""), None


def _token(exchange: Exchange) -> str:
    kind, _, value = exchange.header(b"authorization").partition(" ")
    return value if kind == "Token" else exchange.query.get("access_token", "")


async def _refuse(exchange: Exchange, send: Send, status: int) -> None:
    exchange.status = status
    headers = [(b"content-type", b"application/json")]
    await send({"type": "websocket.http.response.start", "status": status, "headers": headers})
    body = ApiError(status, "The opening was refused.").body()
    await send({"type": "websocket.http.response.body", "body": body})


def _body(message: Any) -> bytes:
    text: str | None = message.get("text")
    body: bytes = message["bytes"] if text is None else text.encode()
    return body
