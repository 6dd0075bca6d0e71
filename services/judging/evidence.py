"""What was seen of an upstream call that did not end well."""

from dataclasses import dataclass
from enum import Enum

MAX_BODY = 16 * 1024
"""So much of an error body is looked at, in bytes."""


class Operation(Enum):
    """What the call was for; decides what may be learned and repeated."""

    GENERATE = 1
    EMBED = 2
    COUNT_TOKENS = 3
    READ = 4
    CREATE = 5
    SESSION = 6

    @property
    def is_free(self) -> bool:
        """Whether the call uses no generation quota, so that nothing is learned from it."""
        return self in {Operation.COUNT_TOKENS, Operation.READ}

    @property
    def is_repeatable(self) -> bool:
        """Whether sending it twice makes nothing twice that lives on."""
        return self not in {Operation.CREATE, Operation.SESSION}


class Phase(Enum):
    """How far the call had come."""

    CONNECT = 1
    """No connection: the request was not sent."""
    SENT = 2
    """Sent, at least in part, but no answer came."""
    ANSWERED = 3
    """The upstream answered with a status."""
    STREAM = 4
    """A stream had begun with status 200 and broke, or carried an error."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen.

    Attributes:
        phase: How far the call had come.
        operation: What it was for.
        status: The HTTP status, or the code of an error inside a stream; 0 when none.
        body: The error body, at most `MAX_BODY` bytes of it.
    """

    phase: Phase
    operation: Operation
    status: int = 0
    body: bytes = b""
