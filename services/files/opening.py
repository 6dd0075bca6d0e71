"""Opening a session at Google: a key is leased, and another one when it is refused."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from services.files.errors import KeypoolUnavailableError, NoKeyError, UpstreamUnavailableError
from services.files.holding import Holding
from services.files.leases import KeyPool, Lease, Need, Outcome
from services.files.retrying import acquire, answered, need_after, pause_before, unanswered
from services.files.safekeeping import Safekeeping
from services.files.sessions import Reply, SessionWire, Start, UnansweredError
from services.files.start_body import as_understood
from services.files.store import UploadStore
from services.files.transfer import EndedError
from services.files.uploads import Answer, Session, Upload
from services.judging import Evidence, Fault, Operation, Retry, Verdict, judge

_RESUME_SECONDS = 1.0
"""So long a key is waited for that a session which is open does not need."""


@dataclass(frozen=True, slots=True)
class Opener:
    """What opening takes.

    Attributes:
        pool: The key pool.
        wire: The way to Google.
        store: Remembers the session before a byte goes there.
        safekeeping: Says how its bytes will be kept.
        max_retries: Tries after the first.
        lifetime: Of a lease, unless renewed.
    """

    pool: KeyPool
    wire: SessionWire
    store: UploadStore
    safekeeping: Safekeeping
    max_retries: int
    lifetime: timedelta

    async def resume(self, upload: Upload) -> Holding | None:
        """Lease a key of an open session's project; None when that fails: bytes need no key."""
        order = upload.order
        need = Need(order.pool, order.client_id, Operation.SESSION, project_id=upload.project_id)
        try:
            async with asyncio.timeout(_RESUME_SECONDS):
                return await self.hold(need)
        except (NoKeyError, KeypoolUnavailableError, TimeoutError):
            return None

    async def hold(self, need: Need) -> Holding:
        """Lease a key and keep the lease alive.

        Raises:
            NoKeyError: There is none now.
        """
        return Holding(self.pool, await self.pool.acquire(need), self.lifetime)

    async def open(
        self, upload: Upload, mime_type: str, size: int | None
    ) -> tuple[Holding, Upload]:
        """Open the session of an upload that has none.

        Raises:
            EndedError: Google refuses the upload itself.
            NoKeyError: No key may be used for it.
            UpstreamUnavailableError: Google did not work with any key tried.
        """
        order = upload.order
        body = as_understood(order.body, mime_type) if order.is_file else order.body

        async def rebind(lease: Lease) -> None:
            if order.name and lease.project_id != upload.project_id:
                await self._rebind(upload, lease)

        holding, session = await self.start(
            Need(
                order.pool,
                order.client_id,
                Operation.SESSION,
                project_id=upload.project_id,
                resource=order.parent,
            ),
            Start(order.path, body, mime_type, size),
            is_movable=not order.parent,
            prepare=rebind,
        )
        project_id = holding.lease.project_id
        kept = self.safekeeping.begin(order, session.granule)
        try:
            await self.store.open(upload, project_id, session, kept)
        except BaseException:
            await holding.settle(Outcome.ABANDONED)
            raise
        return holding, replace(upload, session=session, project_id=project_id, kept=kept)

    async def start(
        self,
        need: Need,
        start: Start,
        *,
        is_movable: bool,
        prepare: Callable[[Lease], Awaitable[None]] | None = None,
    ) -> tuple[Holding, Session]:
        """Open a session, with another key after each failure that may be one of the key.

        Args:
            need: What is needed of the key.
            start: The request.
            is_movable: Whether any project will do after all.
            prepare: Called with each lease before it is used.

        Raises:
            EndedError: Google refuses the upload itself.
            NoKeyError: No key may be used for it.
            UpstreamUnavailableError: Google did not work with any key tried.
        """
        for attempt in range(self.max_retries + 1):
            if attempt:
                await asyncio.sleep(pause_before(attempt, is_movable=is_movable))
            lease = await self._lease(need, is_movable=is_movable)
            holding = Holding(self.pool, lease, self.lifetime)
            try:
                if prepare is not None:
                    await prepare(lease)
                opened = await self._try(holding, start)
            except BaseException:
                await holding.settle(Outcome.ABANDONED)
                raise
            if isinstance(opened, Session):
                return holding, opened
            if opened.retry is Retry.NEVER:
                break
            need = need_after(need, lease, opened, is_movable=is_movable)
        raise UpstreamUnavailableError

    async def _lease(self, need: Need, *, is_movable: bool) -> Lease:
        try:
            return await acquire(self.pool, need)
        except NoKeyError:
            if not need.project_id or not is_movable:
                raise
            # A reserved name does not tie an upload that has not begun.
            return await acquire(self.pool, replace(need, project_id=""))

    async def _try(self, holding: Holding, start: Start) -> Session | Verdict:
        try:
            opened = await self.wire.start(holding.lease, start)
        except UnansweredError as error:
            return await self._failed(holding, unanswered(error, Operation.SESSION))
        if isinstance(opened, Session):
            return opened
        verdict = await self._failed(holding, answered(opened, Operation.SESSION))
        if verdict.fault is Fault.REQUEST:
            raise EndedError(_answer(opened), is_success=False)
        return verdict

    async def _failed(self, holding: Holding, evidence: Evidence) -> Verdict:
        await holding.settle(Outcome.FAILED, evidence)
        # A session that was opened in vain costs nothing, so a start may be repeated.
        return judge(replace(evidence, operation=Operation.READ))

    async def _rebind(self, upload: Upload, lease: Lease) -> None:
        await self.pool.bind(
            upload.order.pool,
            upload.order.name,
            project_id=lease.project_id,
            client_id=upload.order.client_id,
            expire_time=upload.expire_time,
        )


def _answer(reply: Reply) -> Answer:
    return Answer(reply.status, reply.content_type, reply.body)
