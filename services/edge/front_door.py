"""The ASGI app of the public port: every request passes here, and nothing escapes."""

import asyncio
import time
from collections.abc import MutableMapping
from typing import Any

from services.edge import metrics
from services.edge.cors import ANSWER_HEADERS, preflight
from services.edge.dialects import Dialect, dialect_of
from services.edge.drain import Drain
from services.edge.envelopes import render
from services.edge.errors import ApiError, bad_request, shutting_down
from services.edge.http import BrokenAnswerError, ClientLeftError, Exchange
from services.edge.live.routes import LiveRoutes
from services.edge.openai.errors import BadRequestError
from services.edge.path_repair import repaired_path
from services.edge.paths import check_path
from services.edge.refusals import FailedError
from services.edge.router import Router
from services.kit.context import new_request_id, request_id
from services.kit.logs import get_logger, tells_details
from services.kit.ops import Asgi, Receive, Scope, Send

log = get_logger(__name__)

_CLIENT_LEFT = 499


class FrontDoor:
    """Dispatches API requests and leaves the rest to the pages behind it."""

    def __init__(
        self,
        router: Router,
        pages: Asgi,
        drain: Drain,
        live: LiveRoutes,
        *,
        repairs_paths: bool = False,
    ) -> None:
        """Take who serves requests and who ends them.

        Args:
            router: Finds what serves a request.
            pages: Serves what is not API.
            drain: Ends open requests.
            live: Serves WebSockets.
            repairs_paths: Whether paths of wrong base addresses are taken as they were meant.
        """
        self._live = live
        self._drain = drain
        self._router = router
        self._pages = pages
        self._repairs_paths = repairs_paths
        self._tells_requests = tells_details(__name__)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "websocket":
            await self._live.serve(scope, receive, send)
            return
        if scope["type"] != "http":
            return
        exchange = Exchange(scope, receive, send)
        exchange.request_id = new_request_id(exchange.header(b"x-request-id"))
        exchange.extra += [(b"x-request-id", exchange.request_id.encode()), *ANSWER_HEADERS]
        request_id.set(exchange.request_id)
        begun = time.perf_counter()
        route = "none"
        metrics.REQUESTS_OPEN.inc()
        try:
            with self._drain.request():
                route = await self._serve(exchange, scope)
        except FailedError as failure:
            await exchange.answer(failure.status, failure.headers, failure.body)
        except BadRequestError as error:
            await self._tell(
                exchange, bad_request(error.message, param=error.param, code=error.code)
            )
        except ApiError as error:
            await self._tell(exchange, error)
        except ClientLeftError:
            exchange.status = _CLIENT_LEFT
        except BrokenAnswerError:
            # Returning now leaves the answer incomplete, so the server cuts the connection.
            exchange.status = 502
        except asyncio.CancelledError:
            if exchange.started or not self._drain.takes_over():
                raise
            await self._tell(exchange, shutting_down())
        except Exception:
            # The boundary: nothing may escape unseen.
            log.exception("unexpected error", route=route)
            if not exchange.started:
                await self._tell(exchange, ApiError(500, "Internal error.", code="internal"))
        finally:
            metrics.REQUESTS_OPEN.dec()
            self._tell_of(exchange, route, begun)

    def _tell_of(self, exchange: Exchange, route: str, begun: float) -> None:
        seconds = time.perf_counter() - begun
        first = None if exchange.started_at is None else exchange.started_at - begun
        metrics.answered(exchange.dialect, route, exchange.status, seconds, first)
        if self._tells_requests:
            ms = round(seconds * 1000, 1)
            log.debug("request answered", route=route, status=exchange.status, ms=ms)

    async def _serve(self, exchange: Exchange, scope: Scope) -> str:
        exchange.dialect = dialect_of(
            exchange.path, exchange.headers, has_query_key="key=" in exchange.query
        )
        if exchange.method == "OPTIONS" and (head := preflight(exchange.headers)) is not None:
            await exchange.answer(204, head, b"")
            return "preflight"
        # A prefix of one dialect tells it, also where the path below it is both's.
        exchange.path = check_path(exchange.path)
        if self._repairs_paths:
            self._repair(exchange)
        if exchange.dialect is Dialect.ANTHROPIC:
            # Under which Anthropic's clients look for it.
            exchange.extra.append((b"request-id", exchange.request_id.encode()))
        route = self._router.find(exchange)
        if route is None:
            await self._page(exchange, scope)
            return "page"
        await route.handle(exchange)
        return route.name

    def _repair(self, exchange: Exchange) -> None:
        """Take a path as it was meant, and say so."""
        meant = repaired_path(exchange.path)
        if meant == exchange.path:
            return
        exchange.path = meant
        exchange.dialect = dialect_of(
            meant, exchange.headers, has_query_key="key=" in exchange.query
        )
        exchange.extra.append((b"x-gemini-balance-path", meant.encode("latin-1")))

    async def _page(self, exchange: Exchange, scope: Scope) -> None:
        async def send(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                await exchange.start(message["status"], list(message.get("headers", ())))
                return
            await exchange.write(message.get("body", b""), more=bool(message.get("more_body")))

        await self._pages(scope, exchange.receive, send)

    async def _tell(self, exchange: Exchange, error: ApiError) -> None:
        if exchange.started:
            return
        headers, body = render(error, exchange.dialect)
        await exchange.answer(error.status, headers, body)
