"""Whether the standard variables of OpenTelemetry ask for traces.

What they mean otherwise is the SDK's business.
"""

import os
from collections.abc import Mapping

from services.kit.settings import UnusableSettingError
from services.kit.tracing import start_tracing

_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")


def trace_if_asked(service: str) -> None:
    """Make traces from now on if the environment asks for them.

    Raises:
        UnusableSettingError: It asks for something that there is not.
    """
    if not asks_for_traces(os.environ):
        return
    try:
        start_tracing(service)
    except ValueError:
        # Some of them hold credentials, so none is quoted.
        raise UnusableSettingError("OTEL_EXPORTER_OTLP_*", "one of them cannot be read") from None


def asks_for_traces(environment: Mapping[str, str]) -> bool:
    """Return whether an environment asks for traces.

    Raises:
        UnusableSettingError: It asks for something that there is not.
    """
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    exporter = environment.get("OTEL_TRACES_EXPORTER", "").lower()
    if exporter == "none" or not (exporter or any(map(environment.get, _ENDPOINTS))):
        return False
    if exporter not in {"", "otlp"}:
        raise UnusableSettingError("OTEL_TRACES_EXPORTER", "must be otlp or none")
    for name in _PROTOCOLS:
        if environment.get(name, "http/protobuf") not in {"", "http/protobuf"}:
            raise UnusableSettingError(name, "must be http/protobuf")
    return True
