"""The routes of Live: from a client's opening to the end of its session."""

import asyncio
import contextlib
import time
from dataclasses import replace

from services.edge import metrics
from services.edge.calls import Call, forwarded_headers, forwarded_query
from services.edge.clients import check_model_allowed
from services.edge.dialects import Dialect
from services.edge.envelopes import render
from services.edge.errors import ApiError, not_found, shutting_down
from services.edge.estimating import estimate_tokens
from services.edge.failover import Attempts, Sent
from services.edge.http import Exchange
from services.edge.live.callers import Caller, Callers
from services.edge.live.client_side import ClientSide, LeftError
from services.edge.live.closes import (
    FAILED,
    RESTARTING,
    TRY_LATER,
    Close,
    Side,
    blame_of,
    close_of_answer,
    close_of_error,
    passed_on,
)
from services.edge.live.handles import Handles, name_of
from services.edge.live.later import LaterMessages
from services.edge.live.messages import Message, Setup, read_setup
from services.edge.live.session import Session
from services.edge.live.targets import LiveTarget, live_target_of
from services.edge.live.upstream import LiveAnswer, LiveUpstream
from services.edge.needs import Asker, need_of
from services.edge.paths import check_path
from services.edge.refusals import FailedError, is_ours_to_bear
from services.edge.resources.access import bound_to
from services.edge.resources.making import Making
from services.edge.runtime import Runtime
from services.judging import Operation, Phase
from services.kit.context import new_request_id, request_id
from services.kit.logs import get_logger
from services.kit.ops import Receive, Scope, Send

log = get_logger(__name__)

_SETUP_SECONDS = 30.0
_REFUSED_SECONDS = 2.0
_FULL = Close(TRY_LATER, "Too many sessions are open here. Try again in a moment.")
_INTERNAL = Close(FAILED, "Internal error.")


class _FullError(Exception):
    """As many sessions are open as one process relays."""


class LiveRoutes:
    """Serves WebSockets. A refusal is told in a close: browsers see no status of an opening."""

    def __init__(self, runtime: Runtime, making: Making, upstream: LiveUpstream) -> None:
        """Take the shared parts, who binds handles, and the way to Google."""
        self._runtime = runtime
        self._making = making
        self._upstream = upstream
        self._callers = Callers(runtime.clients, runtime.registry)
        self._open = 0

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; nothing escapes but the end of the task."""
        exchange = Exchange({**scope, "method": "GET"}, receive, send)
        exchange.dialect = Dialect.GEMINI
        exchange.request_id = new_request_id(exchange.header(b"x-request-id"))
        request_id.set(exchange.request_id)
        client = ClientSide(receive, send)
        try:
            target = _target_of(exchange)
        except ApiError as error:
            headers, body = render(error, Dialect.GEMINI)
            with contextlib.suppress(LeftError):
                await client.refuse(error.status, headers, body)
            return
        self._open += 1
        metrics.LIVE_SESSIONS.inc()
        begun = time.monotonic()
        close = _INTERNAL
        try:
            with self._runtime.drain.request():
                await client.accept([(b"x-request-id", exchange.request_id.encode())])
                close = await self._serve(exchange, client, target)
        except LeftError as left:
            close = left.close
        except asyncio.CancelledError:
            if not self._runtime.drain.takes_over():
                raise
            close = _restarting()
        except Exception:
            # The boundary: nothing may escape unseen.
            log.exception("unexpected error", route="live")
        finally:
            self._open -= 1
            metrics.LIVE_SESSIONS.dec()
            metrics.live_ended(close.code, close.side.value)
            seconds = round(time.monotonic() - begun, 3)
            log.info("session ended", code=close.code, side=close.side.value, seconds=seconds)
        await client.close(close)

    async def _serve(self, exchange: Exchange, client: ClientSide, target: LiveTarget) -> Close:
        """Return how the session ended.

        Raises:
            LeftError: The client left before there was one.
        """
        try:
            caller = await self._admit(exchange)
        except (ApiError, _FullError) as error:
            # SDKs read a close only once they have said what they want.
            with contextlib.suppress(ApiError):
                await _first_message(client, _REFUSED_SECONDS)
            return _FULL if isinstance(error, _FullError) else close_of_error(error)
        try:
            message = await _first_message(client, _SETUP_SECONDS)
            call = await self._call(exchange, caller, target, message)
            attempts = self._runtime.attempts(call, self._upstream)
            sent = await client.while_there(attempts.next())
        except ApiError as error:
            return close_of_error(error)
        except FailedError as failure:
            return close_of_answer(failure.status, failure.body)
        return await self._relay(client, attempts, sent)

    async def _admit(self, exchange: Exchange) -> Caller:
        if self._open > self._runtime.settings.live_max_sessions:
            raise _FullError
        return await self._callers.identify(exchange)

    async def _call(
        self, exchange: Exchange, caller: Caller, target: LiveTarget, message: Message
    ) -> Call:
        setup = read_setup(message, needs_model=not caller.ephemeral)
        model = self._runtime.models.choices.named(setup.model)
        check_model_allowed(caller.client, model, asked=setup.model)
        if model != setup.model:
            setup.message["setup"]["model"] = f"models/{model}"
        asker = Asker(exchange, caller.client)
        need = need_of(self._runtime.settings, asker, model, Operation.SESSION)
        body = message.encode() if isinstance(message, str) else message
        headers = forwarded_headers(exchange.headers)
        if caller.ephemeral:
            headers.append((b"authorization", f"Token {caller.ephemeral}".encode()))
        path = target.path(is_constrained=bool(caller.ephemeral))
        query = forwarded_query(exchange.query)
        call = Call(
            method="GET",
            target=f"{path}?{query}" if query else path,
            headers=headers,
            body=body,
            # Held for long: it must not have lain in a stock.
            need=replace(need, from_stock=False, input_tokens=estimate_tokens(body, setup.message)),
            dialect=Dialect.GEMINI,
        )
        return await self._runtime.access.cite(
            await self._bound(call, caller, setup), setup.message
        )

    async def _bound(self, call: Call, caller: Caller, setup: Setup) -> Call:
        """Return a call that goes where the token was made, and the session was begun."""
        bindings = [caller.binding] if caller.binding else []
        if setup.handle:
            bindings += await self._runtime.access.resolve(call.need, [name_of(setup.handle)])
        return bound_to(call, bindings) if bindings else call

    async def _relay(self, client: ClientSide, attempts: Attempts, sent: Sent) -> Close:
        answer = sent.answer
        assert isinstance(answer, LiveAnswer)
        assert answer.connection is not None
        need, project = sent.call.need, sent.key.project_id
        session = Session(
            client,
            answer.connection,
            Handles(self._making, self._runtime.registry, need, project),
            LaterMessages(self._runtime.access, need, project),
        )
        close = _INTERNAL
        try:
            close = await session.run(
                answer.first,
                desk=self._runtime.desk,
                key=sent.key,
                drain=self._runtime.drain,
                idle_seconds=self._runtime.settings.live_idle_seconds,
            )
        except asyncio.CancelledError:
            if not self._runtime.drain.takes_over():
                raise
            close = _restarting()
        finally:
            close = self._ended(session, attempts, sent, close)
            # First, for the upstream may take its time.
            await client.close(close)
            await answer.leave(close)
        return close

    @staticmethod
    def _ended(session: Session, attempts: Attempts, sent: Sent, close: Close) -> Close:
        """Settle the lease, and return what the client is told."""
        blame = blame_of(*session.ended_by) if session.ended_by else None
        if blame is None:
            attempts.succeeded(sent, session.usage)
            is_hidden = False
        else:
            failure = attempts.failed(
                sent.key, sent.started_at, Phase.STREAM, status=blame.status, body=blame.body
            )
            is_hidden = is_ours_to_bear(failure.verdict)
        if close.side is not Side.UPSTREAM:
            return close
        return passed_on(close.code, close.reason, sent.key.secret, is_hidden=is_hidden)


def _target_of(exchange: Exchange) -> LiveTarget:
    """Return what a connection is to open.

    Raises:
        ApiError: 400 or 404 when nothing is there.
    """
    path = check_path(exchange.path)
    target = live_target_of(path)
    if target is None:
        raise not_found("WebSocket", path)
    return target


def _restarting() -> Close:
    return replace(close_of_error(shutting_down()), code=RESTARTING)


async def _first_message(client: ClientSide, seconds: float) -> Message:
    try:
        async with asyncio.timeout(seconds):
            return await client.receive()
    except TimeoutError:
        raise ApiError(408, f"No setup came within {seconds:g} seconds.") from None
