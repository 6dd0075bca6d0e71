"""What the edge counts on the way of each request.

Labels are bounded, and the counters of each set of labels are looked up once: what is
called for each request has to cost next to nothing.
"""

import re
from collections.abc import Callable

from prometheus_client import Counter, Gauge, Histogram

from services.edge.dialects import Dialect
from services.edge.usage import TokenUsage
from services.judging import Operation

OTHER_MODEL = "other"

_REQUESTS = Counter("edge_requests_total", "Requests answered.", ["dialect", "route", "status"])
_SECONDS = Histogram(
    "edge_request_seconds",
    "Time to answer a request, streams to their end.",
    ["dialect", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
_FIRST_BYTE = Histogram(
    "edge_first_byte_seconds",
    "Time until the client gets the first byte of its answer.",
    ["dialect", "route"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)
_UPSTREAM = Histogram(
    "edge_upstream_seconds",
    "Time until Google's answer to a try begins, by what was asked.",
    ["operation"],
    buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300),
)
_FAILURES = Counter("edge_upstream_failures_total", "Failed upstream calls.", ["rule"])
_TOKENS = Counter(
    "edge_tokens_total",
    "Tokens as Google counted them; input includes cached ones, output no thoughts.",
    ["model", "kind"],
)
_LEASE_WAIT = Histogram(
    "edge_lease_wait_seconds",
    "Time until a try has its key, out of stock, of the key pool or by a reservation.",
    buckets=(0.0001, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 1, 5, 10, 30),
)
REQUESTS_OPEN = Gauge("edge_requests_open", "Requests being answered.")
REQUESTS_WAITING = Gauge("edge_requests_waiting", "Requests that wait for a reserved slot.")
STOCK = Gauge("edge_leases_in_stock", "Leases kept for requests to come.")
STREAMS = Gauge("edge_streams_open", "Streams being passed on.")
LIVE_SESSIONS = Gauge("edge_live_sessions_open", "Live sessions that are set up or being set up.")
_LIVE_CLOSES = Counter(
    "edge_live_closes_total",
    "Live sessions that ended, by the code that the client was or would be told, and by whom.",
    ["code", "side"],
)
_LIVE_BYTES = Counter(
    "edge_live_bytes_total",
    "Bytes of messages of Live sessions: from clients, or from the upstream.",
    ["side"],
)
_CLOSE_CODES = frozenset({1000, 1001, 1005, 1006, 1007, 1008, 1009, 1011, 1012, 1013})

# Only models that have answered get here, so these are Google's names; but projects may name
# tuned models as they like, and tomorrow's families are unknown.
_FAMILIES = re.compile(
    r"(?:aqa|embedding|gemini|gemma|imagen|learnlm|lyria|text-embedding|veo)[0-9a-z.\-]{0,60}"
)
_MOST_MODELS = 64

lease_waited = _LEASE_WAIT.observe
"""Count how many seconds a try has waited for its key, whether it got one or not."""

_Add = Callable[[float], None]
_answered: dict[tuple[Dialect, str, int], tuple[Callable[[], None], _Add, _Add]] = {}
_upstream: dict[Operation, _Add] = {}
_tokens: dict[str, tuple[_Add, _Add, _Add, _Add]] = {}


def answered(
    dialect: Dialect, route: str, status: int, seconds: float, first_byte: float | None
) -> None:
    """Count an answer.

    Args:
        dialect: The client's.
        route: One of the fixed few names of the router.
        status: The HTTP status.
        seconds: From the request to the end of the answer.
        first_byte: From the request to its beginning; None when there was none.
    """
    counters = _answered.get((dialect, route, status))
    if counters is None:
        labels = (dialect.value, route)
        counters = (
            _REQUESTS.labels(*labels, status).inc,
            _SECONDS.labels(*labels).observe,
            _FIRST_BYTE.labels(*labels).observe,
        )
        _answered[dialect, route, status] = counters
    count, observe, observe_first = counters
    count()
    observe(seconds)
    if first_byte is not None:
        observe_first(first_byte)


def upstream_answered(operation: Operation, seconds: float) -> None:
    """Count how long Google took to begin its answer to a try."""
    observe = _upstream.get(operation)
    if observe is None:
        observe = _upstream[operation] = _UPSTREAM.labels(operation.name.lower()).observe
    observe(seconds)


def upstream_failed(rule_id: str) -> None:
    """Count a try that failed, by the rule that judged it."""
    _FAILURES.labels(rule_id).inc()


def tokens(model: str, usage: TokenUsage) -> None:
    """Count the tokens of a call that a model has answered."""
    adders = _tokens.get(model)
    if adders is None:
        adders = _adders_of(model)
    add_input, add_output, add_cached, add_thought = adders
    add_input(usage.input)
    add_output(usage.output)
    if usage.cached:
        add_cached(usage.cached)
    if usage.thoughts:
        add_thought(usage.thoughts)


def live_ended(code: int, side: str) -> None:
    """Count the end of a Live session; codes that are not usual are counted together."""
    _LIVE_CLOSES.labels(str(code) if code in _CLOSE_CODES else "other", side).inc()


live_from_client = _LIVE_BYTES.labels("client").inc
live_from_upstream = _LIVE_BYTES.labels("upstream").inc


def _adders_of(model: str) -> tuple[_Add, _Add, _Add, _Add]:
    if model not in _tokens and (len(_tokens) >= _MOST_MODELS or not _FAMILIES.fullmatch(model)):
        model = OTHER_MODEL
    if model not in _tokens:
        kinds = ("input", "output", "cached", "thought")
        first, second, third, fourth = (_TOKENS.labels(model, kind).inc for kind in kinds)
        _tokens[model] = (first, second, third, fourth)
    return _tokens[model]
