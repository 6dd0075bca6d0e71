"""What the edge is wired of where there are traces: parts that make spans of what they do.

Imported only then. Attributes follow OpenTelemetry's conventions for generative models; what
people wrote and what models answered are none of them.
"""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from services.edge.calls import Call
from services.edge.http import Exchange
from services.edge.leasing.desk import LeaseDesk
from services.edge.leasing.lease import Ending, HeldKey, Need
from services.edge.live.upstream import LiveAnswer, LiveUpstream
from services.edge.router import Route, Router
from services.edge.upstream import Answer, Destination, Upstream, UpstreamError
from services.edge.usage import TokenUsage
from services.kit.http1.reply import Sink
from services.kit.scrub import scrub
from services.kit.spans import carrying
from services.kit.spans.served_http import TracedApp

__all__ = ["TracedApp", "TracedDesk", "TracedLiveUpstream", "TracedRouter", "TracedUpstream"]

_VERB = re.compile(r"/(?:models|tunedModels)/([^/:?]+):(\w+)")
_OPERATIONS = {
    "generateContent": "generate_content",
    "streamGenerateContent": "generate_content",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
}
_PROVIDER = {"gen_ai.provider.name": "gcp.gemini"}


class TracedRouter(Router):
    """Gives the span of a request the name of its route."""

    def find(self, exchange: Exchange) -> Route | None:
        """See `Router.find`."""
        route = super().find(exchange)
        span = trace.get_current_span()
        name = route.name if route else "page"
        span.update_name(f"{exchange.method} {name}")
        span.set_attribute("http.route", name)
        return route


class TracedDesk(LeaseDesk):
    """Tells how long a key was waited for, what tries failed of, and what was used."""

    async def take(self, need: Need, **options: Any) -> HeldKey:
        """See `LeaseDesk.take`."""
        attributes = {"gen_ai.request.model": scrub(need.model)} if need.model else {}
        with carrying.tracer().start_as_current_span(
            "lease", attributes=attributes, record_exception=False, set_status_on_exception=False
        ):
            return await super().take(need, **options)

    def succeeded(
        self, key: HeldKey, client_id: str, started_at: float, usage: TokenUsage | None
    ) -> None:
        """See `LeaseDesk.succeeded`."""
        if usage is not None:
            trace.get_current_span().set_attributes(
                {
                    **_PROVIDER,
                    "gen_ai.request.model": scrub(key.model),
                    "gen_ai.usage.input_tokens": usage.input,
                    # The convention counts thoughts among what was put out.
                    "gen_ai.usage.output_tokens": usage.output + usage.thoughts,
                    "gen_ai.usage.cache_read.input_tokens": usage.cached,
                    "gen_ai.usage.reasoning.output_tokens": usage.thoughts,
                }
            )
        super().succeeded(key, client_id, started_at, usage)

    def failed(self, key: HeldKey, client_id: str, **options: Any) -> Ending:
        """See `LeaseDesk.failed`."""
        told = {"gemini_balance.rule": options["verdict"].rule_id}
        trace.get_current_span().add_event("try failed", told)
        return super().failed(key, client_id, **options)


class TracedUpstream(Upstream):
    """Makes a span of each call to Google, up to the end of its answer."""

    def __init__(
        self,
        gemini: Destination,
        vertex: Destination,
        custom_headers: Mapping[str, str],
        *,
        tells_google: bool,
    ) -> None:
        """Take what `Upstream` takes, and whether calls carry the span's id."""
        super().__init__(gemini, vertex, custom_headers)
        self._tells_google = tells_google

    async def send(self, call: Call, key: HeldKey) -> Answer:
        """See `Upstream.send`."""
        name, attributes = _described(call)
        span = carrying.tracer().start_span(name, kind=SpanKind.CLIENT, attributes=attributes)
        if self._tells_google:
            told = carrying.headers(trace.set_span_in_context(span))
            extra = [(key.encode(), value.encode()) for key, value in told]
            call = replace(call, headers=[*call.headers, *extra])
        try:
            answer = await super().send(call, key)
        except UpstreamError as error:
            _fail(span, "timeout" if error.timed_out else error.phase.name.lower())
            span.end()
            raise
        except BaseException:
            span.end()
            raise
        span.set_attribute("http.response.status_code", answer.status)
        if answer.status >= 400:
            _fail(span, str(answer.status))
        return _TracedAnswer(answer, span)


class TracedLiveUpstream(LiveUpstream):
    """Makes a span of each try to begin a Live session, up to its being set up."""

    async def send(self, call: Call, key: HeldKey) -> LiveAnswer:
        """See `LiveUpstream.send`."""
        model = scrub(call.need.model)
        attributes = _PROVIDER | {"gen_ai.operation.name": "live", "gen_ai.request.model": model}
        with carrying.tracer().start_as_current_span(
            f"live {model}",
            kind=SpanKind.CLIENT,
            attributes=attributes,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                answer = await super().send(call, key)
            except UpstreamError as error:
                _fail(span, "timeout" if error.timed_out else error.phase.name.lower())
                raise
            span.set_attribute("http.response.status_code", answer.status)
            if answer.status >= 400:
                _fail(span, str(answer.status))
            return answer


class _TracedAnswer(Answer):
    """An answer whose end is the end of a span."""

    __slots__ = ("_answer", "_span")

    def __init__(self, answer: Answer, span: Span) -> None:
        self._answer = answer
        self._span = span
        self.status = answer.status
        self.headers = answer.headers

    @property
    def content_type(self) -> str:
        return self._answer.content_type

    def pieces(self) -> AsyncIterator[bytes]:
        return self._answer.pieces()

    async def deliver(self, sink: Sink) -> None:
        await self._answer.deliver(sink)

    async def read(self, limit: int) -> bytes:
        try:
            return await self._answer.read(limit)
        except UpstreamError as error:
            _fail(self._span, "timeout" if error.timed_out else error.phase.name.lower())
            raise
        finally:
            self._span.end()

    async def close(self) -> None:
        try:
            await self._answer.close()
        finally:
            self._span.end()


def _described(call: Call) -> tuple[str, dict[str, str]]:
    """Return the name of a call's span and what it tells of it."""
    attributes = {"http.request.method": call.method}
    found = _VERB.search(call.target)
    if found is None:
        # Paths may hold names of files and other things of a client's.
        return call.method, attributes
    model, verb = scrub(found[1]), found[2]
    operation = _OPERATIONS.get(verb, verb)
    attributes |= _PROVIDER | {"gen_ai.operation.name": operation, "gen_ai.request.model": model}
    return f"{operation} {model}", attributes


def _fail(span: Span, kind: str) -> None:
    span.set_attribute("error.type", kind)
    span.set_status(StatusCode.ERROR)
