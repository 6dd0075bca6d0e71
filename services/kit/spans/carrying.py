"""Which span is at hand, and how it gets from one process to the next: as W3C's traceparent.

Nothing else is taken from a client or passed on: `tracestate` and `baggage` may hold anything.
"""

from collections.abc import Mapping

from opentelemetry import context, trace
from opentelemetry.context import Context
from opentelemetry.trace import Tracer, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

TRACEPARENT = "traceparent"

_TRACE_CONTEXT = TraceContextTextMapPropagator()
_tracers: list[Tracer] = [trace.NoOpTracer()]


def use(provider: TracerProvider) -> None:
    """Make spans with a provider from now on."""
    _tracers[0] = provider.get_tracer("gemini_balance")


def tracer() -> Tracer:
    """Return what makes spans."""
    return _tracers[0]


def is_inside() -> bool:
    """Whether there is a span at hand."""
    return trace.get_current_span().get_span_context().is_valid


def parent_of(traceparent: str | None) -> Context:
    """Return the context of a span that another process told of; a new trace's without one."""
    carrier = {TRACEPARENT: traceparent} if traceparent else {}
    return _TRACE_CONTEXT.extract(carrier, Context())


def headers(of: Context | None = None) -> tuple[tuple[str, str], ...]:
    """Return what tells another process of the span at hand, or of that of a context."""
    carrier: dict[str, str] = {}
    _TRACE_CONTEXT.inject(carrier, of if of is not None else context.get_current())
    return ((TRACEPARENT, carrier[TRACEPARENT]),) if TRACEPARENT in carrier else ()


def fields() -> Mapping[str, str]:
    """Return the ids of the span at hand, for log lines."""
    span = trace.get_current_span().get_span_context()
    if not span.is_valid:
        return {}
    return {
        "trace_id": trace.format_trace_id(span.trace_id),
        "span_id": trace.format_span_id(span.span_id),
    }
