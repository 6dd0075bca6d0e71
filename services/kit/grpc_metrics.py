"""What every gRPC server counts."""

from collections.abc import Callable

from prometheus_client import Counter, Gauge, Histogram

_CALLS = Counter("grpc_server_handled_total", "gRPC calls answered.", ["method", "code"])
_SECONDS = Histogram(
    "grpc_server_handling_seconds",
    "Time to answer a gRPC call.",
    ["method"],
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30),
)
RUNNING = Gauge("grpc_server_calls_running", "gRPC calls being answered.")

_answered: dict[tuple[str, str], tuple[Callable[[], None], Callable[[float], None]]] = {}


def answered(method: str, code: str, seconds: float) -> None:
    """Count an answer.

    Args:
        method: One that the server has.
        code: Name of the status.
        seconds: From the call to the end of its answer.
    """
    counters = _answered.get((method, code))
    if counters is None:
        counters = (_CALLS.labels(method, code).inc, _SECONDS.labels(method).observe)
        _answered[method, code] = counters
    count, observe = counters
    count()
    observe(seconds)
