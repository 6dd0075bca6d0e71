"""Google's side of uploads in memory, with trouble by script, by the contract of the wire."""

import asyncio
import itertools
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

from services.files.leases import Lease
from services.files.sessions import Reply, Start, UnansweredError
from services.files.uploads import Session

ROUND_TRIP = 0.01
"""How long an answer takes, in seconds of the loop's clock."""


class Trouble(Enum):
    """What may happen to a request."""

    NONE = "none"
    UNSENT = "unsent"
    """No connection."""
    REFUSED = "refused"
    """A transient refusal; nothing of the body is kept."""
    CUT = "cut"
    """The connection breaks in the middle of the body."""
    ANSWER_LOST = "answer lost"
    """Everything happens, and nobody is told."""
    SLOW = "slow"
    """A second passes before everything goes well."""


@dataclass
class Uploaded:
    """A session at Google, and what it has received."""

    content: bytearray = field(default_factory=bytearray)
    state: str = "active"
    size: int | None = None


class ScriptedGoogle:
    """See `SessionWire`.

    Attributes:
        sessions: By target.
        misplaced: How many requests came with a wrong offset.
    """

    def __init__(
        self,
        *,
        granule: int,
        keeps: int,
        trouble: Callable[[str], Trouble] = lambda _: Trouble.NONE,
    ) -> None:
        """Announce a granule; keep multiples of `keeps` bytes of a request that is cut."""
        self.sessions: dict[str, Uploaded] = {}
        self.misplaced = 0
        self._granule = granule
        self._keeps = keeps
        self._trouble = trouble
        self._numbers = itertools.count(1)

    async def start(self, lease: Lease, start: Start) -> Session | Reply:
        """See `SessionWire.start`."""
        trouble = await self._meet("start")
        if trouble is Trouble.REFUSED:
            return Reply(503)
        target = f"/upload?upload_id={next(self._numbers)}"
        self.sessions[target] = Uploaded(size=start.size)
        if trouble in {Trouble.CUT, Trouble.ANSWER_LOST}:
            raise UnansweredError(was_sent=True)
        return Session(target, "", self._granule)

    async def send(self, session: Session, at: int, piece: memoryview, *, finalize: bool) -> Reply:
        """See `SessionWire.send`."""
        assert finalize or (len(piece) and len(piece) % self._granule == 0), "an uneven request"
        trouble = await self._meet("finalize" if finalize else "send")
        found = self.sessions[session.target]
        if trouble is Trouble.REFUSED:
            return Reply(503)
        if found.state != "active":
            return Reply(400, found.state)
        if at != len(found.content):
            self.misplaced += 1
            return Reply(409, "active", len(found.content))
        if trouble is Trouble.CUT:
            half = len(piece) // 2
            found.content += piece[: half - half % self._keeps]
            raise UnansweredError(was_sent=True)
        found.content += piece
        if finalize:
            assert found.size in {None, len(found.content)}, "another size than was announced"
            found.state = "final"
        if trouble is Trouble.ANSWER_LOST:
            raise UnansweredError(was_sent=True)
        return self._told(session.target)

    async def query(self, session: Session) -> Reply:
        """See `SessionWire.query`."""
        trouble = await self._meet("query")
        if trouble is Trouble.REFUSED:
            return Reply(503)
        if trouble in {Trouble.CUT, Trouble.ANSWER_LOST}:
            raise UnansweredError(was_sent=True)
        return self._told(session.target)

    async def cancel(self, session: Session) -> Reply:
        """See `SessionWire.cancel`."""
        await self._meet("cancel")
        self.sessions[session.target].state = "cancelled"
        return Reply(200, "cancelled")

    async def _meet(self, verb: str) -> Trouble:
        trouble = self._trouble(verb)
        await asyncio.sleep(1 if trouble is Trouble.SLOW else ROUND_TRIP)
        if trouble is Trouble.UNSENT:
            raise UnansweredError(was_sent=False)
        return trouble

    def _told(self, target: str) -> Reply:
        found = self.sessions[target]
        if found.state == "final":
            name = f"files/{target.partition('=')[2]}"
            file = {"name": name, "sizeBytes": str(len(found.content)), "state": "ACTIVE"}
            return Reply(
                200, "final", None, "application/json", json.dumps({"file": file}).encode()
            )
        return Reply(200, found.state, len(found.content))
