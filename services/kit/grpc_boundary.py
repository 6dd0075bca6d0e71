"""The outermost layer of every gRPC call: who calls, what failed, what is still running.

An exception that escapes a grpc.aio handler reaches the caller with its text,
so nothing may escape: errors with a reason become statuses, all others become a
bare INTERNAL and a log line.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import grpc
import grpc.aio

from services.kit import grpc_metrics
from services.kit.context import REQUEST_ID_HEADER, new_request_id, request_id
from services.kit.credentials import Caller, CredentialBook, caller
from services.kit.errors import (
    ScopeMissingError,
    ServiceError,
    UnauthenticatedError,
    abort_with,
    internal_status,
)
from services.kit.logs import get_logger, tells_details
from services.kit.tracing import serving

log = get_logger(__name__)

_HEALTH = "/grpc.health.v1.Health/"
_REFLECTION = "/grpc.reflection."

Context = grpc.aio.ServicerContext[Any, Any]


class Boundary(grpc.aio.ServerInterceptor):
    """Authenticates calls, translates errors and counts calls in flight.

    Attributes:
        tells_calls: Whether each call has a line in the log.
    """

    def __init__(self, domain: str, book: CredentialBook, scopes: Mapping[str, str]) -> None:
        """Guard a server.

        Args:
            domain: The error domain, which is the proto package.
            book: The accepted credentials.
            scopes: The scope that each service's full name needs.
        """
        self._domain = domain
        self._book = book
        self._scopes = scopes
        self.tells_calls = tells_details(__name__)
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()

    async def wait_idle(self) -> None:
        """Return once no handler is running; `server.stop` does not wait for aborting ones."""
        await self._idle.wait()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Wrap the handler of a call."""
        handler = await continuation(handler_call_details)
        method: str = handler_call_details.method
        if handler is None or method.startswith(_HEALTH):
            return handler
        if handler.request_streaming and handler.response_streaming:
            # Only reflection streams both ways here.
            return grpc.stream_stream_rpc_method_handler(
                self._streaming(method, handler.stream_stream),
                handler.request_deserializer,
                handler.response_serializer,
            )
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._streaming(method, handler.unary_stream),
                handler.request_deserializer,
                handler.response_serializer,
            )
        if handler.request_streaming:
            return grpc.stream_unary_rpc_method_handler(
                self._single(method, handler.stream_unary),
                handler.request_deserializer,
                handler.response_serializer,
            )
        return grpc.unary_unary_rpc_method_handler(
            self._single(method, handler.unary_unary),
            handler.request_deserializer,
            handler.response_serializer,
        )

    def _single(self, method: str, behaviour: Any) -> Any:
        async def handle(request: Any, context: Context) -> Any:
            async with _Guard(self, method, context):
                return await behaviour(request, context)

        return handle

    def _streaming(self, method: str, behaviour: Any) -> Any:
        async def handle(request: Any, context: Context) -> AsyncIterator[Any]:
            async with _Guard(self, method, context):
                async for response in behaviour(request, context):
                    yield response

        return handle

    def enter(self, method: str, metadata: Mapping[str, str]) -> None:
        """Admit a call and bind its caller and request id to the running task."""
        request_id.set(new_request_id(metadata.get(REQUEST_ID_HEADER)))
        caller.set(self._authorise(method, metadata))

    def _authorise(self, method: str, metadata: Mapping[str, str]) -> Caller:
        kind, _, secret = metadata.get("authorization", "").partition(" ")
        holder = self._book.find(secret) if kind.lower() == "bearer" else None
        if holder is None:
            raise UnauthenticatedError("a service credential is needed: authorization: Bearer ...")
        if not method.startswith(_REFLECTION):
            service = method.split("/")[1]
            scope = self._scopes.get(service)
            if scope is None or scope not in holder.scopes:
                raise ScopeMissingError(
                    f"{holder.name} needs the scope {scope} for {service}",
                    metadata={"scope": scope or "", "caller": holder.name},
                )
        return holder

    async def abort(self, context: Context, error: ServiceError) -> None:
        """End a call with an error that has a reason."""
        await abort_with(context, error.to_status(self._domain))

    def started(self) -> None:
        """Count a handler in."""
        self._running += 1
        grpc_metrics.RUNNING.inc()
        self._idle.clear()

    def ended(self) -> None:
        """Count a handler out."""
        self._running -= 1
        grpc_metrics.RUNNING.dec()
        if not self._running:
            self._idle.set()


class _Guard:
    """What surrounds one handler."""

    def __init__(self, boundary: Boundary, method: str, context: Context) -> None:
        self._boundary = boundary
        self._method = method
        self._context = context
        self._begun = time.perf_counter()
        self._code = "OK"
        self._end_span: Callable[[str], None] | None = None

    async def __aenter__(self) -> None:
        self._boundary.started()
        try:
            metadata = {
                key: value
                for key, value in self._context.invocation_metadata() or ()
                if isinstance(value, str)
            }
            self._end_span = serving(self._method, metadata)
            self._boundary.enter(self._method, metadata)
        except ServiceError as error:
            try:
                await self._fail(error)
            finally:
                self._finish()

    async def __aexit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        try:
            if isinstance(error, Exception):
                await self._fail(error)
            elif error is not None:
                self._code = "CANCELLED"
        finally:
            self._finish()

    async def _fail(self, error: Exception) -> None:
        if isinstance(error, grpc.aio.AbortError):
            self._code = "ABORTED_BY_HANDLER"
            raise error
        if isinstance(error, ServiceError):
            self._code = error.code.name
            await self._boundary.abort(self._context, error)
        self._code = "INTERNAL"
        log.error("unexpected error", method=self._method, exc_info=error)
        await abort_with(self._context, internal_status())

    def _finish(self) -> None:
        self._boundary.ended()
        if self._end_span is not None:
            self._end_span(self._code)
        seconds = time.perf_counter() - self._begun
        grpc_metrics.answered(self._method, self._code, seconds)
        if self._boundary.tells_calls:
            ms = round(seconds * 1000, 1)
            log.debug("call answered", method=self._method, code=self._code, ms=ms)
