"""Where spans go: to a collector, in batches, from a thread of their own."""

import os
import socket
from importlib import metadata

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from services.kit.context import more_fields
from services.kit.spans import carrying


def start(service: str) -> TracerProvider:
    """Make spans from now on.

    Args:
        service: The name of the service, unless the environment tells one.

    Raises:
        ValueError: A variable cannot be read.
    """
    # Not the provider of the whole process, which libraries would make spans of their own with.
    provider = TracerProvider(resource=_resource(service), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    carrying.use(provider)
    more_fields.append(carrying.fields)
    return provider


def _resource(service: str) -> Resource:
    told = {
        "service.namespace": "gemini-balance",
        "service.version": metadata.version("gemini-balance"),
        "service.instance.id": f"{socket.gethostname()}-{os.getpid()}",
    }
    given = os.environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if not os.environ.get("OTEL_SERVICE_NAME") and "service.name=" not in given:
        told["service.name"] = service
    return Resource.create(told)
