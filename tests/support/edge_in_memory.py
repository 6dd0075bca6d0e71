"""The edge's routes in memory, over an upstream by script: thousands of calls take seconds."""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import orjson

from services.edge.calls import Call
from services.edge.clients import Clients
from services.edge.drain import Drain
from services.edge.front_door import FrontDoor
from services.edge.handlers import build_handlers
from services.edge.http import Exchange
from services.edge.keypool import Client
from services.edge.leasing.desk import LeaseDesk
from services.edge.leasing.lease import Ending, HeldKey, Need, RefusedError
from services.edge.live.routes import LiveRoutes
from services.edge.live.upstream import LiveUpstream
from services.edge.resources.access import Access
from services.edge.resources.bringing import Bringing
from services.edge.resources.making import Making
from services.edge.resources.names import Binding
from services.edge.resources.registry import Registry
from services.edge.router import Router
from services.edge.runtime import Runtime
from services.edge.settings import EdgeSettings
from services.edge.upstream import Answer, Upstream
from services.kit.http1.reply import ExchangeError, Reply

_JSON = "application/json"

KEY = HeldKey("l1", "k1", "key-1", "p1", "AIzaInMemory", "", "default")


@dataclass
class Script:
    """What the upstream answers to every call.

    Attributes:
        pieces: The body, as it comes from the network.
        breaks: Whether the connection breaks after the last piece, instead of ending.
        status: The HTTP status.
    """

    pieces: Sequence[bytes]
    breaks: bool = False
    status: int = 200


@dataclass
class Told:
    """What a client was answered.

    Attributes:
        status: The HTTP status.
        headers: By their names.
        body: All of it that came.
        is_ended: Whether the answer came to its end, instead of being cut by the server.
    """

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    is_ended: bool = False

    def json(self) -> Any:
        """Return the body as JSON."""
        return orjson.loads(self.body)


class _Reply(Reply):
    def __init__(self, script: Script) -> None:
        self.status = script.status
        self.headers = [(b"content-type", b"text/event-stream")]
        self._pieces = iter(script.pieces)
        self._breaks = script.breaks

    async def read(self) -> bytes:
        for piece in self._pieces:
            if piece:
                return piece
        if self._breaks:
            raise ExchangeError("the server closed the connection", was_sent=True)
        return b""

    async def close(self) -> None:
        return


class _Upstream:
    def __init__(self) -> None:
        self.script = Script([])
        self.by_model: dict[str, Script] = {}
        self.calls: list[Call] = []

    async def send(self, call: Call, key: HeldKey) -> Answer:
        del key
        self.calls.append(call)
        return Answer(_Reply(self.by_model.get(call.need.model, self.script)))


class _Desk:
    def __init__(self) -> None:
        self.needs: list[Need] = []
        self.refused: set[str] = set()
        self.spent: set[str] = set()
        self.endings: list[str] = []

    async def take(self, need: Need, **_: object) -> HeldKey:
        self.needs.append(need)
        if need.project in self.refused:
            raise RefusedError("OWNER_SPENT", "at its limit", 60)
        if need.model in self.spent and not need.patience:
            raise RefusedError("QUOTA", "at its limit", 20)
        return KEY

    def succeeded(self, *_: object) -> None:
        self.endings.append("succeeded")

    def abandoned(self, *_: object) -> None:
        self.endings.append("abandoned")

    def failed(self, key: HeldKey, client_id: str, **_: object) -> Ending:
        self.endings.append("failed")
        return Ending(key, client_id, "failed")

    def report(self, ending: Ending) -> None:
        del ending


class _Clients:
    def __init__(self) -> None:
        self.allowed_models: tuple[str, ...] = ()

    async def identify(self, exchange: Exchange) -> Client:
        del exchange
        scopes = frozenset({"models", "files"})
        return Client("c1", scopes, "default", self.allowed_models, False, 5)


class _Registry:
    """Everything named belongs to the one client."""

    async def resolve(self, pool: str, names: Sequence[str]) -> dict[str, Binding]:
        del pool
        return {name: Binding(name, KEY.project_id, "c1") for name in names}


class EdgeInMemory:
    """The public port, without a port.

    Attributes:
        upstream: Answers by its script, and keeps what it was sent.
        desk: Knows what was leased, and how each call ended; `spent` models are refused to
            whoever does not wait.
        clients: Knows the one client.
    """

    def __init__(self, **settings: Any) -> None:
        """Build the routes; a call is never sent twice unless `max_retries` is given."""
        values: dict[str, Any] = {
            "keypool_target": "none",
            "service_credential": "none",
            "max_retries": 0,
        }
        self.upstream, self.desk, self.clients = _Upstream(), _Desk(), _Clients()
        registry = cast("Registry", _Registry())
        read = EdgeSettings(_env_file=None, **(values | settings))
        runtime = Runtime(
            settings=read,
            clients=cast("Clients", self.clients),
            desk=cast("LeaseDesk", self.desk),
            upstream=cast("Upstream", self.upstream),
            drain=Drain(),
            files=None,
            registry=registry,
            access=Access(registry, files_are_shared=False),
            bringing=Bringing(None),
            fetcher=None,
            media=None,
            answers=None,
            models=read.models(),
        )
        making = Making(runtime)
        nowhere = LiveUpstream("http://127.0.0.1:9", {}, connect_seconds=1, max_message_bytes=1024)
        self._door = FrontDoor(
            Router(build_handlers(runtime, making)),
            _no_page,
            runtime.drain,
            LiveRoutes(runtime, making, nowhere),
            repairs_paths=read.url_normalization_enabled,
        )

    async def post(
        self, target: str, body: object, script: Script | None = None, *, kind: str = _JSON
    ) -> Told:
        """Return what a client is answered.

        Args:
            target: Path and query.
            body: To be sent as JSON; bytes as they are.
            script: What the upstream answers; by default as before.
            kind: The body's type.
        """
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return await self._ask("POST", target, content, script, {"content-type": kind})

    async def get(
        self, target: str, script: Script | None = None, *, headers: Mapping[str, str] | None = None
    ) -> Told:
        """Return what a client is answered that reads."""
        return await self._ask("GET", target, b"", script, headers)

    async def _ask(
        self,
        method: str,
        target: str,
        content: bytes,
        script: Script | None,
        headers: Mapping[str, str] | None = None,
    ) -> Told:
        if script is not None:
            self.upstream.script = script
        path, _, query = target.partition("?")
        carried = {"content-type": _JSON, **(headers or {})}
        scope = {
            "type": "http",
            "method": method,
            "path": path,
            "raw_path": path.encode(),
            "query_string": query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in carried.items()],
        }
        told = Told()

        async def receive() -> MutableMapping[str, Any]:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                told.status = message["status"]
                told.headers = {n.decode(): v.decode("latin-1") for n, v in message["headers"]}
                return
            told.body += message["body"]
            told.is_ended = not message["more_body"]

        await self._door(scope, receive, send)
        return told

    def sent(self) -> Any:
        """Return the body of the last call upstream, parsed."""
        return orjson.loads(self.upstream.calls[-1].body)


async def _no_page(scope: object, receive: object, send: object) -> None:
    raise AssertionError("not a page")
