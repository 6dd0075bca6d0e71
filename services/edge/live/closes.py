"""How sessions end: what Google's closes mean, and what clients are told.

Google refuses a session over the WebSocket itself: it closes with a code that says little and
a reason that is the beginning of the message that a request over HTTP would have got. So the
message decides, and is judged as if it had come over HTTP.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import orjson

from services.edge.errors import ApiError
from services.kit.scrub import scrub

MOST_REASON_BYTES = 123
"""A close frame has no room for more."""

NORMAL, GOING_AWAY, INVALID, REFUSED, TOO_LARGE, FAILED, RESTARTING, TRY_LATER = (
    *(1000, 1001, 1007, 1008, 1009, 1011, 1012, 1013),
)
_NO_STATUS, _NO_CLOSE, _NO_TLS = 1005, 1006, 1015


class Side(Enum):
    """Who ended a session."""

    CLIENT = "client"
    UPSTREAM = "upstream"
    EDGE = "edge"


@dataclass(frozen=True, slots=True)
class Close:
    """The end of a session.

    Attributes:
        code: As it stands in the close frame.
        reason: For the client; without secrets, and short enough for the frame.
        side: Who ended it.
    """

    code: int
    reason: str = ""
    side: Side = Side.EDGE


# What Google's messages begin with, and the status that goes with them over HTTP. Nothing else
# of a close may harm a key: reasons can quote what a client has sent.
_OPENINGS: tuple[tuple[str, int, str], ...] = (
    ("API key not valid", 400, "API_KEY_INVALID"),
    ("API Key not found", 400, "API_KEY_INVALID"),
    ("API key expired", 400, "API_KEY_INVALID"),
    ("Your API key was reported as leaked", 403, ""),
    ("Permission denied: Consumer", 403, ""),
    ("Your project has been denied access", 403, ""),
    ("Generative Language API has not been used in project", 403, "SERVICE_DISABLED"),
    ("This API method requires billing to be enabled", 403, "BILLING_DISABLED"),
    ("Method doesn't allow unregistered callers", 403, ""),
    ("User location is not supported", 400, ""),
    ("You exceeded your current quota", 429, ""),
    ("Resource has been exhausted", 429, ""),
    ("Quota exceeded for", 429, ""),
    ("The model is overloaded", 503, ""),
    ("The service is currently unavailable", 503, ""),
    ("You do not have permission to access the", 403, ""),
    ("CachedContent not found", 403, ""),
    ("BidiGenerateContent session not found", 404, ""),
    ("Requested entity was not found", 404, ""),
)
_NOT_FOUND = " is not found for API version"
_UPSTREAMS_OWN = frozenset({FAILED, RESTARTING, TRY_LATER, GOING_AWAY, NORMAL})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A close before the session was set up, as an answer over HTTP would have told it.

    Attributes:
        status: The HTTP status.
        body: Google's envelope of the error.
    """

    status: int
    body: bytes


def refusal_of(code: int, reason: str) -> Refusal:
    """Return what a close means that came instead of `setupComplete`.

    Args:
        code: 1006 when the connection was lost.
        reason: As Google gave it.
    """
    known = _known(reason)
    if known is not None:
        status, detail = known
    elif code in {_NO_STATUS, _NO_CLOSE, _NO_TLS} or code in _UPSTREAMS_OWN:
        # Whatever it was, no session was made: another project may be asked without harm.
        status, detail = 503, ""
    else:
        status, detail = 400, ""
    message = reason or "The upstream closed the session before it was set up."
    return Refusal(status, _envelope(status, message, detail))


def blame_of(code: int, reason: str) -> Refusal | None:
    """Return what a close in the middle of a session says of the key or its project.

    None when it says nothing: most sessions are ended by time limits, or by trouble that is
    nobody's here.
    """
    known = _known(reason)
    if known is None or code in {NORMAL, GOING_AWAY} or known[0] not in {400, 403, 429}:
        return None
    return Refusal(known[0], _envelope(known[0], reason, known[1]))


def passed_on(code: int, reason: str, *secrets: str, is_hidden: bool = False) -> Close:
    """Return what a client is told of the upstream's close.

    Args:
        code: The upstream's; 1006 when the connection was lost.
        reason: The upstream's.
        secrets: What must not be told.
        is_hidden: Whether the reason is about our key, which is not the client's business.
    """
    if is_hidden:
        return Close(FAILED, KEY_LOST, Side.UPSTREAM)
    if code == _NO_STATUS:
        return Close(NORMAL, "", Side.UPSTREAM)
    if code in {_NO_CLOSE, _NO_TLS}:
        return Close(FAILED, "The connection to the upstream was lost.", Side.UPSTREAM)
    return Close(code, shortened(scrub(reason, *secrets)), Side.UPSTREAM)


KEY_LOST = "The upstream key of this session can be used no more. Open the session again."


def close_of_error(error: ApiError) -> Close:
    """Return the close that tells of an error of our own."""
    return Close(_code_of(error.status, is_ours=True), shortened(error.message))


def close_of_answer(status: int, body: bytes) -> Close:
    """Return the close that tells what a client would have been answered over HTTP.

    Args:
        status: The HTTP status.
        body: An error in Google's envelope, already scrubbed.
    """
    try:
        error = orjson.loads(body)["error"]
        message, details = str(error["message"]), error.get("details", ())
    except (ValueError, KeyError, TypeError):
        message, details = f"The upstream answered with status {status}.", ()
    return Close(_code_of(status, is_ours=_is_ours(details)), shortened(message))


def shortened(text: str) -> str:
    """Return a text in one line that fits into a close frame."""
    line = " ".join(text.split())
    encoded = line.encode()
    if len(encoded) <= MOST_REASON_BYTES:
        return line
    return encoded[: MOST_REASON_BYTES - 3].decode(errors="ignore") + "..."


def _code_of(status: int, *, is_ours: bool) -> int:
    match status:
        case 413:
            return TOO_LARGE
        case 400 | 422:
            return INVALID
        case 408 | 429:
            return TRY_LATER
        case 503 if is_ours:
            return TRY_LATER
        case _:
            return REFUSED if 400 <= status < 500 else FAILED


def _is_ours(details: object) -> bool:
    return isinstance(details, Sequence) and any(
        isinstance(detail, dict) and detail.get("domain") == "gemini-balance" for detail in details
    )


def _known(reason: str) -> tuple[int, str] | None:
    for opening, status, detail in _OPENINGS:
        if reason.startswith(opening):
            return status, detail
    if reason.startswith("models/") and _NOT_FOUND in reason:
        return 404, ""
    return None


def _envelope(status: int, message: str, detail: str) -> bytes:
    error: dict[str, object] = {"code": status, "message": message}
    if detail:
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        error["details"] = [{"@type": kind, "reason": detail, "domain": "googleapis.com"}]
    return orjson.dumps({"error": error})
