"""Traces, in a process that has begun to make them; see `trace_settings`.

In any other nothing of OpenTelemetry is imported, and what is wired is what would be
without this module.
"""

import importlib
import threading
from collections.abc import Mapping
from typing import Any

Entries = tuple[tuple[str, str], ...]

_SPANS = "services.kit.spans"
_STOP_SECONDS = 0.5


class _State:
    """Whether this process makes traces."""

    def __init__(self) -> None:
        self.provider: Any = None


_state = _State()


def start_tracing(service: str) -> None:
    """Make traces from now on, as the environment says.

    Raises:
        ValueError: One of its variables cannot be read.
    """
    _state.provider = _load("exporting").start(service)


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
