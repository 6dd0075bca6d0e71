"""What can be asked, and what it is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.load.connection import Address, Check, request_bytes
from bench.processes import Processes, resident_bytes


@dataclass(frozen=True, slots=True)
class Question:
    """One request in one dialect, and what a right answer is.

    Attributes:
        path: Below the root of the dialect.
        body: JSON.
        check: Says whether the body of an answer is right.
        means: Says whether a body means the right thing, in whatever form another product gives
            it; the same when not given.
    """

    path: str
    body: bytes
    check: Check
    means: Check | None = None


@dataclass(slots=True)
class Target:
    """A server that a scenario asks.

    Attributes:
        address: Where it listens.
        processes: Those whose cost is told; the one named `edge` is what is compared.
        prefixes: What paths begin with, for each dialect (`gemini`, `openai`) that it speaks.
        headers: What each request carries, a credential for instance.
        rest_bytes: What `edge` held when it had not been asked anything yet.
        is_peer: Whether it is another product, which may answer in a form of its own.
        is_relay: Whether it passes on what it gets; so it is always asked in Gemini's dialect.
    """

    address: Address
    processes: Processes
    prefixes: Mapping[str, str] = field(default_factory=lambda: {"gemini": ""})
    headers: Sequence[tuple[str, str]] = ()
    is_peer: bool = False
    is_relay: bool = False
    rest_bytes: int = field(init=False)

    def __post_init__(self) -> None:
        self.rest_bytes = sum(map(resident_bytes, self.processes.get("edge", ())))

    def request(self, dialect: str, question: Question) -> bytes:
        """Return a question as it goes over the wire."""
        path = self.prefixes[dialect] + question.path
        return request_bytes(self.address.host, path, self.headers, question.body)

    def check(self, question: Question) -> Check:
        """Return what this target's answers to a question are checked by."""
        return question.means if self.is_peer and question.means else question.check
