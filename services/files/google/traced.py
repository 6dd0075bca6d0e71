"""Spans of the calls to Google of the files service: imported only where there are traces."""

from typing import Any

import httpx
from opentelemetry import trace
from opentelemetry.trace import SpanKind, StatusCode

from services.files.google.client import GoogleClient
from services.files.sessions import UnansweredError
from services.kit.egress import Egress
from services.kit.http_transport import AiohttpTransport
from services.kit.spans import carrying


class TracedGoogleClient(GoogleClient):
    """Makes a span of each call, up to the head of its answer."""

    def __init__(
        self, base_url: str, egress: Egress[AiohttpTransport], *, tells_google: bool
    ) -> None:
        """Take what `GoogleClient` takes, and whether calls carry the span's id."""
        super().__init__(base_url, egress)
        self._tells_google = tells_google

    async def send(self, method: str, target: str, **options: Any) -> httpx.Response:
        """See `GoogleClient.send`."""
        # The target is no attribute: that of an upload authorises by itself.
        span = carrying.tracer().start_span(
            method, kind=SpanKind.CLIENT, attributes={"http.request.method": method}
        )
        if self._tells_google:
            told = carrying.headers(trace.set_span_in_context(span))
            options["headers"] = {**options["headers"], **dict(told)}
        try:
            response = await super().send(method, target, **options)
        except UnansweredError as error:
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(StatusCode.ERROR)
            raise
        else:
            span.set_attribute("http.response.status_code", response.status_code)
            if response.status_code >= 400:
                span.set_attribute("error.type", str(response.status_code))
                span.set_status(StatusCode.ERROR)
            return response
        finally:
            span.end()
