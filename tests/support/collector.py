"""A stand-in for a collector of traces: takes OTLP over HTTP and keeps what it got."""

import contextlib
import gzip
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2


@dataclass(frozen=True)
class Span:
    """One span as it was exported."""

    service: str
    name: str
    kind: str
    trace_id: str
    span_id: str
    parent_id: str
    attributes: dict[str, str | int]
    events: list[str]

    def __str__(self) -> str:
        return f"{self.service} {self.kind} {self.name}"


class Collector:
    """What has been exported.

    Attributes:
        url: Where it takes spans.
        bodies: The requests, as they came over the wire.
        spans: All spans.
    """

    def __init__(self, url: str) -> None:
        """Begin with nothing."""
        self.url = url
        self.bodies: list[bytes] = []
        self.spans: list[Span] = []

    def take(self, body: bytes) -> None:
        """Take a request in."""
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            told = {each.key: each.value.string_value for each in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [_read(told["service.name"], span) for span in scope.spans]

    def trace(self, trace_id: str) -> list[Span]:
        """Return the spans of a trace, as far as they have come."""
        return [span for span in self.spans if span.trace_id == trace_id]

    def until(
        self, trace_id: str, is_whole: Callable[[list[Span]], bool], seconds: float = 15
    ) -> list[Span]:
        """Return a trace once it is whole; AssertionError when it is not in time."""
        deadline = time.monotonic() + seconds
        while not is_whole(found := self.trace(trace_id)):
            assert time.monotonic() < deadline, [str(span) for span in found]
            time.sleep(0.05)
        return found


def tree(spans: list[Span], parent_id: str) -> dict[str, object]:
    """Return what hangs below a span, by the names of the spans."""
    return {str(span): tree(spans, span.span_id) for span in spans if span.parent_id == parent_id}


@contextlib.contextmanager
def running_collector() -> Iterator[Collector]:
    """Run a collector for the length of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            if self.headers.get("content-encoding") == "gzip":
                body = gzip.decompress(body)
            assert self.path == "/v1/traces"
            collector.take(body)
            self.send_response(200)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_request(self, code: object = "-", size: object = "-") -> None:
            del code, size

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _read(service: str, span: trace_pb2.Span) -> Span:
    return Span(
        service,
        span.name,
        trace_pb2.Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_").lower(),
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        {each.key: each.value.string_value or each.value.int_value for each in span.attributes},
        [event.name for event in span.events],
    )
