"""Traces, where the standard variables of OpenTelemetry ask for them.

Without them nothing of OpenTelemetry is imported, and what is wired is what would be
without this module. What the variables mean otherwise is the SDK's business.
"""

import importlib
import os
import threading
from collections.abc import Mapping
from typing import Any

from services.kit.settings import UnusableSettingError

Entries = tuple[tuple[str, str], ...]

_SPANS = "services.kit.spans"
_PROTOCOLS = ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL")
_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")
_STOP_SECONDS = 0.5


class _State:
    """Whether this process makes traces."""

    def __init__(self) -> None:
        self.provider: Any = None


_state = _State()


def start_tracing(service: str) -> None:
    """Make traces from now on if the environment asks for them.

    Raises:
        UnusableSettingError: It asks for something that there is not.
    """
    if not _is_asked_for(os.environ):
        return
    try:
        _state.provider = _load("exporting").start(service)
    except ValueError:
        # Some of them hold credentials, so none is quoted.
        raise UnusableSettingError("OTEL_EXPORTER_OTLP_*", "one of them cannot be read") from None


def stop_tracing() -> None:
    """Send what has gathered, for half a second at most: a collector may be away."""
    if _state.provider is None:
        return
    thread = threading.Thread(target=_state.provider.shutdown, daemon=True)
    thread.start()
    thread.join(_STOP_SECONDS)


def is_tracing() -> bool:
    """Whether this process makes traces."""
    return _state.provider is not None


def load_if_tracing(module: str) -> Any:
    """Return a module that makes spans, None when there are no traces."""
    return importlib.import_module(module) if is_tracing() else None


def trace_headers() -> Entries:
    """Return what tells another service of ours which span a call belongs to."""
    return _load("carrying").headers() if is_tracing() else ()


def call_interceptors() -> list[Any]:
    """Return what makes spans of the calls of a gRPC channel."""
    return [_load("grpc_calls").CallSpans()] if is_tracing() else []


def serving(method: str, metadata: Mapping[str, str]) -> Any:
    """Begin the span of a gRPC call that is served, and bind it to the running task.

    Returns:
        What takes the name of the status at the end of the call, None without traces.
    """
    return _load("grpc_calls").serve(method, metadata) if is_tracing() else None


def _load(name: str) -> Any:
    return importlib.import_module(f"{_SPANS}.{name}")


def _is_asked_for(environment: Mapping[str, str]) -> bool:
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
