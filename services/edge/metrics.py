"""What the edge counts on the way of each request.

Labels are bounded, and the counters of each set of labels are looked up once: what is
called for each request has to cost next to nothing.
"""

import re
from collections.abc import Callable

from prometheus_client import Counter, Gauge, Histogram

from services.edge.usage import TokenUsage

OTHER_MODEL = "other"

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
REQUESTS_WAITING = Gauge("edge_requests_waiting", "Requests that wait for a reserved slot.")
STOCK = Gauge("edge_leases_in_stock", "Leases kept for requests to come.")
STREAMS = Gauge("edge_streams_open", "Streams being passed on.")

# Only models that have answered get here, so these are Google's names; but projects may name
# tuned models as they like, and tomorrow's families are unknown.
_FAMILIES = re.compile(
    r"(?:aqa|embedding|gemini|gemma|imagen|learnlm|lyria|text-embedding|veo)[0-9a-z.\-]{0,60}"
)
_MOST_MODELS = 64

lease_waited = _LEASE_WAIT.observe
"""Count how many seconds a try has waited for its key, whether it got one or not."""

_Add = Callable[[float], None]
_tokens: dict[str, tuple[_Add, _Add, _Add, _Add]] = {}


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


def _adders_of(model: str) -> tuple[_Add, _Add, _Add, _Add]:
    if model not in _tokens and (len(_tokens) >= _MOST_MODELS or not _FAMILIES.fullmatch(model)):
        model = OTHER_MODEL
    if model not in _tokens:
        kinds = ("input", "output", "cached", "thought")
        first, second, third, fourth = (_TOKENS.labels(model, kind).inc for kind in kinds)
        _tokens[model] = (first, second, third, fourth)
    return _tokens[model]
