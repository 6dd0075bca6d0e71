"""What is read in the messages of a session; the rest of them is nobody's business here."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from services.edge.errors import bad_request
from services.edge.paths import check_model
from services.edge.resources.citations import may_cite
from services.edge.usage import TokenUsage, find_usage

Message = str | bytes
"""One message, as text or as bytes; both hold JSON."""

_USAGE = "usageMetadata"
_HANDLE = "newHandle"
_RESUMPTION = ("sessionResumption", "session_resumption")


@dataclass(frozen=True, slots=True)
class Setup:
    """The first message of a client.

    Attributes:
        model: Empty where an ephemeral token names it instead.
        handle: Of the session that is to be resumed, empty for a new one.
        message: The whole of it, parsed.
    """

    model: str
    handle: str
    message: dict[str, Any]


def read_setup(message: Message, *, needs_model: bool) -> Setup:
    """Read the first message.

    Args:
        message: As it came.
        needs_model: Whether it must name a model.

    Raises:
        ApiError: 400 when it is no setup.
    """
    parsed = _parsed(message)
    setup = parsed.get("setup")
    if not isinstance(setup, dict):
        raise bad_request("The first message of a session must be a 'setup'.", param="setup")
    name = setup.get("model")
    if name is not None and not isinstance(name, str):
        raise bad_request("'setup.model' must be a text.", param="setup.model")
    if not name and needs_model:
        raise bad_request("'setup' must name a 'model'.", param="setup.model")
    model = check_model(name.rpartition("/")[2]) if name else ""
    return Setup(model, _handle_in(setup), parsed)


def names_something(message: Message) -> bool:
    """Whether a later message of a client needs a closer look; cheap, and never wrong about one."""
    body = message.encode() if isinstance(message, str) else message
    return b"setup" in body or may_cite(body)


def read_later(message: Message) -> dict[str, Any]:
    """Return a later message, parsed.

    Raises:
        ApiError: 400 when it is no JSON object, or another setup.
    """
    parsed = _parsed(message)
    if "setup" in parsed:
        raise bad_request("A session is set up once: 'setup' may be the first message only.")
    return parsed


def is_set_up(message: Message) -> bool:
    """Whether the first message of the upstream tells that the session has begun."""
    try:
        parsed = orjson.loads(message)
    except ValueError:
        return False
    return isinstance(parsed, dict) and "error" not in parsed


def usage_in(message: Message) -> TokenUsage | None:
    """Return what a message of the upstream says was used."""
    if isinstance(message, str):
        return find_usage(message.encode()) if _USAGE in message else None
    return find_usage(message) if _USAGE.encode() in message else None


def handle_in(message: Message) -> str:
    """Return the handle that a message of the upstream gives out, empty without one."""
    has_one = _HANDLE in message if isinstance(message, str) else _HANDLE.encode() in message
    if not has_one:
        return ""
    try:
        parsed = orjson.loads(message)
    except ValueError:
        return ""
    update = parsed.get("sessionResumptionUpdate") if isinstance(parsed, dict) else None
    handle = update.get(_HANDLE) if isinstance(update, dict) else None
    return handle if isinstance(handle, str) else ""


def go_away(seconds: float, *, as_text: bool) -> Message:
    """Return what tells a client that its connection will be ended, as Google tells it."""
    message = orjson.dumps({"goAway": {"timeLeft": f"{max(0.0, seconds):.3f}s"}})
    return message.decode() if as_text else message


def written(message: Message, body: bytes) -> Message:
    """Return a body in the kind of frame in which a message came."""
    return body.decode() if isinstance(message, str) else body


def _parsed(message: Message) -> dict[str, Any]:
    try:
        parsed = orjson.loads(message)
    except ValueError as error:
        text = f"The message is not valid JSON: {error}."
        raise bad_request(text, code="invalid_json") from None
    if not isinstance(parsed, dict):
        raise bad_request("A message must be a JSON object.", code="invalid_json")
    return parsed


def _handle_in(setup: dict[str, Any]) -> str:
    handles = list(_handles_in(setup))
    if len(set(handles)) > 1:
        raise bad_request("A session can be resumed by one handle only.")
    return handles[0] if handles else ""


def _handles_in(setup: dict[str, Any]) -> Iterator[str]:
    for field in _RESUMPTION:
        resumption = setup.get(field)
        handle = resumption.get("handle") if isinstance(resumption, dict) else None
        if handle is not None and not isinstance(handle, str):
            raise bad_request("'handle' must be a text.", param="sessionResumption.handle")
        if handle:
            yield handle
