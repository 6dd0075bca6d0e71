"""Bringing bytes into a session at Google, whatever goes wrong on the way.

After each fault Google is asked for the truth, so that no byte is sent twice and
none is left out.
"""

import asyncio
import random
from dataclasses import dataclass

from services.files import metrics
from services.files.errors import OffsetMismatchError, UpstreamUnavailableError
from services.files.retrying import answered, unanswered
from services.files.sessions import Reply, SessionWire, UnansweredError
from services.files.uploads import Answer, Session
from services.judging import Evidence, Operation

_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 4.0
_MOST_REFUSALS = 3

_LOST = Answer(
    410,
    "application/json",
    b'{"error":{"code":410,"message":"The upstream has lost this upload. Start it again.",'
    b'"status":"FAILED_PRECONDITION"}}',
)


class EndedError(Exception):
    """Google ended the session, in whatever way.

    Attributes:
        answer: Its answer.
        is_success: Whether it made what was uploaded.
    """

    def __init__(self, answer: Answer, *, is_success: bool) -> None:
        """Take the answer."""
        super().__init__(f"ended with {answer.status}")
        self.answer = answer
        self.is_success = is_success


@dataclass(frozen=True, slots=True)
class Patience:
    """How long faults are borne.

    Attributes:
        seconds: Without any progress.
    """

    seconds: float


class Transfer:
    """One session and the way to it.

    Attributes:
        evidence: Of the last fault.
    """

    def __init__(self, wire: SessionWire, session: Session, patience: Patience) -> None:
        """Take the wire."""
        self._wire = wire
        self._session = session
        self._patience = patience
        self.evidence: Evidence | None = None

    @staticmethod
    def lost() -> EndedError:
        """Return what is told when Google has less than was acknowledged."""
        return EndedError(_LOST, is_success=False)

    async def received(self) -> int:
        """Return how many bytes Google has.

        Raises:
            EndedError: The session has ended.
            UpstreamUnavailableError: Nobody answered in time.
        """
        return await self._truth(_Trial(self._patience.seconds))

    async def put(self, at: int, piece: memoryview) -> int:
        """Send one request's bytes and return how many Google has then in all.

        When they differ from what was sent the caller goes on from there: what is
        left is no whole granule.

        Raises:
            EndedError: The session has ended.
            UpstreamUnavailableError: It did not work in time.
        """
        return await self._push(at, piece, finalize=False)

    async def finish(self, at: int, piece: memoryview) -> Answer:
        """Send the last bytes, as many as there are left, and return Google's answer.

        Raises:
            EndedError: It was refused.
            UpstreamUnavailableError: It did not work in time.
        """
        try:
            await self._push(at, piece, finalize=True)
        except EndedError as ended:
            if ended.is_success:
                return ended.answer
            raise
        raise AssertionError("a session is finished or it is not")

    async def _push(self, at: int, piece: memoryview, *, finalize: bool) -> int:
        trial = _Trial(self._patience.seconds)
        end = at + len(piece)
        reached = at
        refusals = 0
        while True:
            reply = await self._send(reached, piece[reached - at :], finalize=finalize)
            if reply is not None:
                if reply.upload_status == "final" and not reply.is_ok:
                    raise await self._end(reply, trial)
                _raise_if_ended(reply, finalized=finalize)
                if reply.is_ok and not finalize:
                    return end
                if not reply.is_transient and not reply.is_ok and reply.status != 409:
                    refusals += 1
                    if refusals >= _MOST_REFUSALS:
                        raise EndedError(_answer(reply), is_success=False)
            metrics.RETRIED.inc()
            # Sent again in ignorance, the last bytes would be refused once they have arrived.
            truth = await self._truth(trial)
            if truth < at:
                # What was acknowledged is gone there, and was let go here.
                raise EndedError(_LOST, is_success=False)
            if truth > reached:
                trial.note_progress()
            if not finalize and truth > at:
                return truth
            if truth > end:
                raise OffsetMismatchError(truth)
            reached = truth
            await trial.pause()

    async def _end(self, refusal: Reply, trial: "_Trial") -> EndedError:
        """Return how a session ended: by a refusal, or with success before it."""
        while True:
            try:
                await self._truth(trial)
            except EndedError as ended:
                return ended if ended.is_success else EndedError(_answer(refusal), is_success=False)
            await trial.pause()

    async def _truth(self, trial: "_Trial") -> int:
        """Return how many bytes Google has; asks until it tells."""
        while (truth := await self._ask()) is None:
            await trial.pause()
        return truth

    async def _send(self, at: int, piece: memoryview, *, finalize: bool) -> Reply | None:
        try:
            reply = await self._wire.send(self._session, at, piece, finalize=finalize)
        except UnansweredError as error:
            self.evidence = unanswered(error, Operation.SESSION)
            return None
        if not reply.is_ok:
            self.evidence = answered(reply, Operation.SESSION)
        return reply

    async def _ask(self) -> int | None:
        """Return how many bytes Google has, None when it cannot be told now."""
        try:
            reply = await self._wire.query(self._session)
        except UnansweredError:
            return None
        if reply.is_transient:
            return None
        if reply.upload_status == "final" and not reply.body:
            # It ended with a refusal, which is told once alone.
            raise self.lost()
        _raise_if_ended(reply, finalized=False)
        if reply.is_ok and reply.received is not None:
            return reply.received
        if reply.is_ok:
            return None
        raise EndedError(_answer(reply), is_success=False)


class _Trial:
    """How long it has gone on without progress, and how long to pause."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.note_progress()

    def note_progress(self) -> None:
        self._until = asyncio.get_running_loop().time() + self._seconds
        self._pause = _FIRST_PAUSE

    async def pause(self) -> None:
        pause = self._pause * random.uniform(0.5, 1)  # noqa: S311  # spreads, hides nothing
        if asyncio.get_running_loop().time() + pause > self._until:
            raise UpstreamUnavailableError
        self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        await asyncio.sleep(pause)


def _raise_if_ended(reply: Reply, *, finalized: bool) -> None:
    if reply.upload_status == "final" or (finalized and reply.is_ok and not reply.upload_status):
        raise EndedError(_answer(reply), is_success=reply.is_ok)
    if reply.upload_status == "cancelled" or reply.status in {404, 410}:
        raise EndedError(_LOST, is_success=False)


def _answer(reply: Reply) -> Answer:
    return Answer(reply.status, reply.content_type, reply.body)
