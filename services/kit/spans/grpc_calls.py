"""Spans of gRPC calls, at the caller and at the server.

Streams have no span at the caller: an interceptor would put itself between the caller and the
true reason of a failed stream, see `grpc_stream`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import grpc
import grpc.aio
from opentelemetry import context, trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from services.kit.spans import carrying

_HEALTH = "/grpc.health."
_LEFT = frozenset({"CANCELLED"})
# What a server may answer without having failed.
_CALLERS_FAULT = _LEFT | {
    *("ABORTED", "ABORTED_BY_HANDLER", "ALREADY_EXISTS", "FAILED_PRECONDITION"),
    *("INVALID_ARGUMENT", "NOT_FOUND", "OUT_OF_RANGE", "PERMISSION_DENIED"),
    *("RESOURCE_EXHAUSTED", "UNAUTHENTICATED"),
}


class CallSpans(grpc.aio.UnaryUnaryClientInterceptor):
    """Makes a span of each call of a channel, but for questions about health."""

    async def intercept_unary_unary(
        self,
        continuation: Callable[[grpc.aio.ClientCallDetails, Any], Awaitable[Any]],
        client_call_details: grpc.aio.ClientCallDetails,
        request: Any,
    ) -> Any:
        """Make a call, and return it once it has ended."""
        details = client_call_details
        # The stubs promise a text; there are bytes.
        told: Any = details.method
        method: str = told.decode() if isinstance(told, bytes) else told
        if method.startswith(_HEALTH):
            return await continuation(details, request)
        span = carrying.tracer().start_span(
            method[1:], kind=SpanKind.CLIENT, attributes=_attributes(method)
        )
        call = await continuation(_carrying(details, span), request)
        try:
            code = await call.code()
        except asyncio.CancelledError:
            call.cancel()
            _end(span, "CANCELLED", harmless=_LEFT)
            raise
        _end(span, code.name, harmless=frozenset())
        return call


def _carrying(details: grpc.aio.ClientCallDetails, span: Span) -> grpc.aio.ClientCallDetails:
    """Return a call that tells of its span instead of the one around it."""
    told = carrying.headers(trace.set_span_in_context(span))
    others = [entry for entry in details.metadata or () if entry[0] != carrying.TRACEPARENT]
    return grpc.aio.ClientCallDetails(
        method=details.method,
        timeout=details.timeout,
        metadata=grpc.aio.Metadata(*others, *told),
        credentials=details.credentials,
        wait_for_ready=details.wait_for_ready,
    )


def serve(method: str, metadata: Mapping[str, str]) -> Callable[[str], None]:
    """See `tracing.serving`."""
    span = carrying.tracer().start_span(
        method[1:],
        context=carrying.parent_of(metadata.get(carrying.TRACEPARENT)),
        kind=SpanKind.SERVER,
        attributes=_attributes(method),
    )
    # The task ends with the call, so nothing has to be unbound.
    context.attach(trace.set_span_in_context(span))

    def end(code: str) -> None:
        _end(span, code, harmless=_CALLERS_FAULT)

    return end


def _attributes(method: str) -> dict[str, str]:
    return {"rpc.system.name": "grpc", "rpc.method": method[1:]}


def _end(span: Span, code: str, *, harmless: frozenset[str]) -> None:
    span.set_attribute("rpc.response.status_code", code)
    if code != "OK" and code not in harmless:
        span.set_attribute("error.type", code)
        span.set_status(StatusCode.ERROR)
    span.end()
