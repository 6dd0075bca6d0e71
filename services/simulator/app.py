"""The ASGI app: finds the method, the caller and the fault, then lets the method answer."""

from collections.abc import Awaitable, Callable
from functools import partial

from services.kit.logs import get_logger
from services.kit.ops import Receive, Scope, Send
from services.simulator import embeddings, generate, predictions, resources
from services.simulator.calls import Call, Route, find_route
from services.simulator.control_routes import serve_control
from services.simulator.credentials import Key, check_key, read_credential
from services.simulator.errors import ApiError, internal, not_on_this_server
from services.simulator.faults import Fault, refusal
from services.simulator.http import ClientGoneError, Exchange
from services.simulator.ledger import Entry
from services.simulator.live.serving import serve_live
from services.simulator.owned.calls import OWNED
from services.simulator.upload_calls import continue_upload, open_upload, upload_verb
from services.simulator.world import World

_log = get_logger(__name__)

Method = Callable[[Call, Exchange, Fault | None], Awaitable[None]]

_METHODS: dict[str, Method] = {
    "generateContent": generate.generate,
    "streamGenerateContent": generate.stream,
    "countTokens": generate.count_tokens,
    "embedContent": embeddings.embed,
    "batchEmbedContents": embeddings.embed_batch,
    "predict": predictions.predict,
    "models.list": resources.list_models,
    "models.get": resources.get_model,
    "files.list": resources.list_files,
    "files.get": resources.get_file,
    "files.delete": resources.delete_file,
    "files.download": resources.download_file,
    "cachedContents.list": resources.list_caches,
    "cachedContents.create": resources.create_cache,
    "cachedContents.get": resources.get_cache,
    "cachedContents.update": resources.update_cache,
    "cachedContents.delete": resources.delete_cache,
    **OWNED,
}
_HEALTH = {"/livez", "/readyz"}


class SimulatorApp:
    """Google's Gemini API over a simulated world."""

    def __init__(self, world: World) -> None:
        """Serve `world`."""
        self.world = world

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "websocket":
            await serve_live(self.world, scope, receive, send)
            return
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        if exchange.path.startswith("/_sim/"):
            await serve_control(self.world, exchange)
        elif exchange.path in _HEALTH:
            await exchange.answer(200, b'{"status":"ok"}', "application/json")
        else:
            await self._serve(exchange)

    async def _serve(self, exchange: Exchange) -> None:
        # A reset replaces the ledger; a request is closed where it was opened.
        ledger = self.world.ledger
        entry = ledger.open(exchange, self.world.clock.now())
        exchange.on_cut = partial(ledger.close, entry)
        try:
            await self._answer(exchange, entry)
        except ApiError as error:
            await _send_error(exchange, error, entry.verb)
        except ClientGoneError:
            entry.is_cancelled = not exchange.is_cut
        except Exception:  # noqa: BLE001  # the boundary
            # A bug shows as Google's 500, and in the log with its traceback.
            _log.exception("request failed", verb=entry.verb)
            if not exchange.status:
                await _send_error(exchange, internal(), entry.verb)
        finally:
            exchange.close()
            ledger.close(entry)

    async def _answer(self, exchange: Exchange, entry: Entry) -> None:
        route = find_route(exchange.method, exchange.path)
        if route is None:
            # Methods that are not offered can go wrong on the way too.
            self._identify(exchange, entry)
            await self._strike(exchange, entry)
            await exchange.skip_body()
            raise not_on_this_server(exchange.path)
        if route.verb == "upload":
            await self._upload(route, exchange, entry)
            return
        entry.verb, entry.model = route.verb, route.model
        key, problem = self._identify(exchange, entry)
        fault = await self._strike(exchange, entry)
        if problem or key is None:
            await exchange.skip_body()
            raise problem or internal()
        await _METHODS[route.verb](Call(self.world, route, key.project), exchange, fault)

    async def _upload(self, route: Route, exchange: Exchange, entry: Entry) -> None:
        entry.verb = upload_verb(exchange)
        if upload_id := exchange.query.get("upload_id"):
            session = self.world.uploads.find(upload_id)
            if session:
                entry.key, entry.project = session.order.key, session.order.project
            await self._strike(exchange, entry)
            await continue_upload(Call(self.world, route, entry.project), exchange, session)
            return
        key, problem = self._identify(exchange, entry)
        await self._strike(exchange, entry)
        if problem or key is None:
            await exchange.skip_body()
            raise problem or internal()
        await open_upload(Call(self.world, route, key.project), exchange, key.text)

    def _identify(self, exchange: Exchange, entry: Entry) -> tuple[Key | None, ApiError | None]:
        """Return the caller's key, or why there is none; the entry learns what can be learned."""
        try:
            text = read_credential(
                header=exchange.header(b"x-goog-api-key"),
                query=exchange.query.get("key", ""),
                authorization=exchange.header(b"authorization"),
            )
            entry.key = text
            key = self.world.credentials.find(text)
            if key:
                entry.project = key.project
            return check_key(text, key), None
        except ApiError as error:
            return None, error

    async def _strike(self, exchange: Exchange, entry: Entry) -> Fault | None:
        """Let a fault happen to the request; return it when the answer must show it.

        Raises:
            ApiError: The fault is a refusal.
            ClientGoneError: The fault broke the connection.
        """
        fault = self.world.faults.take(
            key=entry.key, project=entry.project, model=entry.model, verb=entry.verb
        )
        if fault is None:
            return None
        if fault.kind == "drop":
            # What arrives before the cut still counts, as the first part of an upload does.
            if fault.after_bytes is not None:
                exchange.cut_after(fault.after_bytes)
                exchange.is_mute = True
                return fault
            await exchange.skip_body()
            await exchange.cut()
            raise ClientGoneError
        error = refusal(
            fault,
            key=entry.key,
            project=entry.project,
            model=entry.model,
            is_free_tier=self.world.behaviour.free_tier,
        )
        if error:
            await exchange.skip_body()
        if fault.kind == "hold_answer":
            exchange.hold_answer(fault.delay_seconds)
        elif fault.delay_seconds:
            await exchange.hold_body()
            await exchange.pause(fault.delay_seconds)
        if error:
            raise error
        exchange.is_mute = fault.kind == "drop_answer"
        return fault


async def _send_error(exchange: Exchange, error: ApiError, verb: str) -> None:
    body = error.body()
    is_array = verb == "streamGenerateContent" and not generate.wants_events(exchange)
    if is_array and error.content_type.startswith("application/json"):
        # A stream that is an array has its errors in an array too.
        body = b"[" + body.rstrip() + b"\n]\n"
    await exchange.answer(error.code, body, error.content_type)
