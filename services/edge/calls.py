"""What goes upstream: the client's call without the client's credential."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote_plus

from services.edge.dialects import Dialect
from services.edge.leasing.lease import Need
from services.edge.resources.names import Binding
from services.judging import Operation

_VERBS = {
    "generateContent": Operation.GENERATE,
    "streamGenerateContent": Operation.GENERATE,
    "generateAnswer": Operation.GENERATE,
    "generateText": Operation.GENERATE,
    "generateMessage": Operation.GENERATE,
    "predict": Operation.GENERATE,
    "embedContent": Operation.EMBED,
    "batchEmbedContents": Operation.EMBED,
    "embedText": Operation.EMBED,
    "batchEmbedText": Operation.EMBED,
    "countTokens": Operation.COUNT_TOKENS,
    "countTextTokens": Operation.COUNT_TOKENS,
    "countMessageTokens": Operation.COUNT_TOKENS,
}

# Hop by hop, ours to set, credentials, the client's own traces, or able to change
# what the call does behind the edge's back: another method, another project's quota,
# a referrer that the key's own restrictions would be held against.
_HEADERS_KEPT_BACK = frozenset(
    {
        b"accept-encoding",
        b"authorization",
        b"baggage",
        b"connection",
        b"content-length",
        b"cookie",
        b"expect",
        b"forwarded",
        b"host",
        b"keep-alive",
        b"origin",
        b"proxy-authorization",
        b"proxy-connection",
        b"referer",
        b"te",
        b"traceparent",
        b"tracestate",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
        b"via",
        b"x-api-key",
        b"x-cloud-trace-context",
        b"x-goog-api-key",
        b"x-goog-user-project",
        b"x-http-method",
        b"x-http-method-override",
        b"x-method-override",
        b"x-real-ip",
        b"x-request-id",
    }
)
_PREFIXES_KEPT_BACK = (b"sec-", b"x-forwarded-", b"x-gemini-balance-", b"cf-", b"x-envoy-")
_QUERY_KEPT_BACK = frozenset(
    {"key", "access_token", "oauth_token", "bearer_token", "quotaUser", "callback"}
)
# Every other parameter of this kind can change what the call does.
_DOLLARS_PASSED_ON = frozenset({"$alt", "$fields"})
_FORMS = frozenset({"alt", "$alt"})
# With these an answer might not tell what was made.
_QUERY_OF_ANSWERS = _FORMS | {"fields", "$fields"}


@dataclass(frozen=True, slots=True)
class Call:
    """One upstream call, ready to be sent with any key.

    Attributes:
        method: Such as `POST`.
        target: Raw path and query, from the first slash on.
        headers: Without credentials.
        body: As it goes over the wire.
        need: What it needs a lease for.
        dialect: The client's, for errors.
        cited: What it names, in the client's words.
        instead: The same asked of other models, to be sent in turn where this one's is spent or
            gone.
    """

    method: str
    target: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    need: Need
    dialect: Dialect
    cited: tuple[Binding, ...] = ()
    instead: tuple["Call", ...] = ()


def operation_of(verb: str) -> Operation:
    """Return what a verb on a model does; unknown ones may create something."""
    return _VERBS.get(verb, Operation.CREATE)


def forwarded_headers(headers: Mapping[bytes, bytes]) -> list[tuple[bytes, bytes]]:
    """Return the client's headers that go upstream."""
    return [(name, value) for name, value in headers.items() if may_go_upstream(name)]


def may_go_upstream(name: bytes) -> bool:
    """Whether a header, by its lower-case name, is the client's business and nobody else's."""
    return name not in _HEADERS_KEPT_BACK and not name.startswith(_PREFIXES_KEPT_BACK)


def forwarded_query(query: str, *, creates: bool = False) -> str:
    """Return the client's query without credentials, the rest byte for byte.

    Args:
        query: Raw, without the question mark.
        creates: Whether the answer must tell what was made, whole and as JSON.
    """
    if not query:
        return ""
    return "&".join(
        part for part in query.split("&") if _goes_on(unquote_plus(part.partition("=")[0]), creates)
    )


def stream_query(query: str) -> tuple[str, bool]:
    """Return the query that asks the upstream for events, and whether the client wants an array.

    Events tell how a stream ended, so arrays are made of them here. Without a word of the
    client's it gets events too.

    Args:
        query: Raw, as `forwarded_query` returned it.
    """
    kept, as_array = [], False
    for part in filter(None, query.split("&")):
        name, _, value = part.partition("=")
        if unquote_plus(name) in _FORMS:
            as_array = value.lower() == "json"
        else:
            kept.append(part)
    return "&".join([*kept, "alt=sse"]), as_array


def _goes_on(name: str, creates: bool) -> bool:
    if name in _QUERY_KEPT_BACK or (creates and name in _QUERY_OF_ANSWERS):
        return False
    return not name.startswith("$") or name in _DOLLARS_PASSED_ON
