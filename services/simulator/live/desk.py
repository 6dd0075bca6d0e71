"""Live sessions that are open, handles of those that were, and ephemeral tokens."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import orjson

from services.simulator.credentials import Key, check_key
from services.simulator.errors import ApiError
from services.simulator.live.closing import code_of, reason_of
from services.simulator.live.conversation import Contents, Said
from services.simulator.owned.shelf import new_id

_HANDLE_SECONDS = 2 * 3600
_TOKEN_SECONDS = 30 * 60


class Session(Protocol):
    """An open session, as others may speak to it."""

    @property
    def key(self) -> Key:
        """Whose it is."""

    async def say(self, message: Said) -> None:
        """Say something to the client."""

    async def end(self, code: int, reason: str) -> None:
        """Close the connection."""

    def describe(self) -> dict[str, Any]:
        """Return what there is to tell."""


@dataclass(slots=True)
class _Handle:
    project: str
    contents: Contents
    ends_at: float


@dataclass(slots=True)
class Token:
    """An ephemeral token.

    Attributes:
        project: Whose key made it.
        setup: What it fixes, as JSON; empty for nothing.
        uses_left: How many sessions it still opens.
        ends_at: When it expires.
    """

    project: str
    setup: bytes
    uses_left: int
    ends_at: float


class LiveDesk:
    """Everything about Live sessions that outlives one of them."""

    def __init__(self, now: Callable[[], float]) -> None:
        """Start without any."""
        self._now = now
        self._numbers = itertools.count(1)
        self._open: dict[int, Session] = {}
        self._handles: dict[str, _Handle] = {}
        self._tokens: dict[str, Token] = {}

    def enter(self, session: Session) -> int:
        """Take in a session that has begun, and return its number."""
        number = next(self._numbers)
        self._open[number] = session
        return number

    def leave(self, number: int) -> None:
        """Forget a session that has ended."""
        self._open.pop(number, None)

    def open_of(self, key: str) -> list[Session]:
        """Return the open sessions of a key, of all keys for an empty one."""
        return [session for session in self._open.values() if key in {"", session.key.text}]

    async def end_bad_key(self, key: Key) -> None:
        """End the sessions of a key that may be used no more."""
        try:
            check_key(key.text, key)
        except ApiError as error:
            for session in self.open_of(key.text):
                await session.end(code_of(error), reason_of(error))

    def new_handle(self, project: str, contents: Contents) -> str:
        """Return a handle by which the project can go on from here."""
        handle = f"Ci{new_id(60)}"
        ends_at = self._now() + _HANDLE_SECONDS
        self._handles[handle] = _Handle(project, list(contents), ends_at)
        return handle

    def resume(self, handle: str, project: str) -> Contents:
        """Return where a session is to go on.

        Raises:
            ApiError: The handle is unknown, has expired, or is another project's.
        """
        known = self._handles.get(handle)
        if known is None or known.project != project or known.ends_at < self._now():
            raise ApiError(404, "BidiGenerateContent session not found")
        return known.contents

    def new_token(self, request: dict[str, Any], project: str) -> str:
        """Make an ephemeral token and return its name."""
        name = f"auth_tokens/{new_id(40)}"
        uses = request.get("uses", 1)
        setup = orjson.dumps(request.get("bidiGenerateContentSetup") or {})
        self._tokens[name] = Token(project, setup, uses, self._now() + _TOKEN_SECONDS)
        return name

    def project_of(self, name: str) -> str:
        """Return whose an ephemeral token is.

        Raises:
            ApiError: It is unknown.
        """
        token = self._tokens.get(name)
        if token is None:
            raise ApiError(401, "Request had invalid authentication credentials.")
        return token.project

    def use_token(self, name: str) -> Token:
        """Return an ephemeral token, used once more.

        Raises:
            ApiError: It is unknown, expired or used up.
        """
        token = self._tokens.get(name)
        if token is None or token.uses_left <= 0 or token.ends_at < self._now():
            raise ApiError(401, "Request had invalid authentication credentials.")
        token.uses_left -= 1
        return token

    def describe(self) -> list[dict[str, Any]]:
        """Return the open sessions, the oldest first."""
        return [session.describe() for session in self._open.values()]
