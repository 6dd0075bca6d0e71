"""The way of one write to Google: a session, a key of its project, one granule at a time."""

import asyncio
import contextlib
from dataclasses import dataclass, replace

from services.files.finishing import Finisher
from services.files.granules import Granule
from services.files.holding import Holding
from services.files.leases import Outcome
from services.files.opening import Opener
from services.files.safekeeping import Putting, Safekeeping
from services.files.sessions import SessionWire
from services.files.store import UploadStore
from services.files.transfer import EndedError, Patience, Transfer
from services.files.uploads import Answer, Upload, UploadState
from services.kit.errors import ServiceError, StoreUnavailableError

_LANDING_SECONDS = 10.0
"""So long a granule on its way may take after its client has left."""


@dataclass(frozen=True, slots=True)
class Sending:
    """What sending takes.

    Attributes:
        store: Where uploads are kept.
        wire: The way to Google.
        opener: Opens sessions there.
        safekeeping: Keeps what goes there.
        finisher: Ends uploads.
        patience: How long faults of Google are borne.
    """

    store: UploadStore
    wire: SessionWire
    opener: Opener
    safekeeping: Safekeeping
    finisher: Finisher
    patience: Patience


class Sender:
    """Sends the bytes of one writer.

    Attributes:
        upload: How it stands; what has arrived counts at once.
    """

    def __init__(self, parts: Sending, upload: Upload) -> None:
        """Send nothing yet."""
        self.upload = upload
        self._parts = parts
        self._putting = Putting(parts.safekeeping)
        self._holding: Holding | None = None
        self._transfer: Transfer | None = None
        self._flight: tuple[Granule, asyncio.Task[int]] | None = None
        # Whether Google may have more than the store knows.
        self._is_unsure = upload.is_dirty and upload.session is not None

    async def learn_truth(self) -> None:
        """Ask how far the writer before has come, when that is not known.

        Raises:
            EndedError: The session has ended.
        """
        if self._is_unsure:
            transfer = await self._attached()
            received = await transfer.received()
            if received < self.upload.offset:
                raise transfer.lost()
            await self._commit(received)

    async def open(self, mime_type: str, size: int | None) -> None:
        """Open the session.

        Raises:
            EndedError: Google refuses the upload itself.
            ServiceError: It cannot be opened now.
        """
        self._holding, self.upload = await self._parts.opener.open(self.upload, mime_type, size)

    def expect(self, granule: Granule) -> None:
        """Keep a granule that will be launched when the one before has arrived."""
        self._putting.ahead(self.upload.kept, granule.start, granule.view())

    def launch(self, granule: Granule) -> None:
        """Send whole granules; `landed` tells how that ended. Nothing else is on its way."""
        self._is_unsure = True
        self._flight = granule, asyncio.create_task(self._fly(granule))

    async def landed(self) -> tuple[Granule, int] | None:
        """Wait until what was launched is safe; return it, and how many bytes Google has.

        None when nothing was on its way. When Google has less than was sent, the caller goes
        on from there.
        """
        if self._flight is None:
            return None
        granule, task = self._flight
        # A client that leaves meanwhile does not stop it.
        received = await asyncio.shield(task)
        self._flight = None
        return granule, received

    async def finish(self, granule: Granule) -> None:
        """Send the last bytes; the upload is finalized.

        Raises:
            EndedError: They were refused.
        """
        self._is_unsure = True
        transfer = await self._attached()
        await self._keep(granule)
        answer = await transfer.finish(granule.start, granule.view())
        await self.end(answer, granule.end, is_success=True)

    async def end(self, answer: Answer, size: int, *, is_success: bool) -> None:
        """Record how Google ended the session.

        Args:
            answer: What it said.
            size: How many bytes the file has, as far as its writer knows.
            is_success: Whether there is a file.
        """
        finisher = self._parts.finisher
        if is_success:
            size = max(self.upload.committed_size, size)
            self.upload = await finisher.finalize(self.upload, answer, size)
        else:
            self.upload = await finisher.fail(self.upload, answer)
        self._is_unsure = False

    async def close(self, *, is_abandoned: bool) -> None:
        """Let go of everything, and say whether all is accounted for."""
        try:
            await self._see_landed()
        finally:
            await self._putting.close()
            await self._settle(is_abandoned=is_abandoned)
        if not self._is_unsure and self.upload.state is UploadState.ACTIVE:
            # Unsaid, it costs the next writer a question.
            with contextlib.suppress(StoreUnavailableError):
                await self._parts.store.end(self.upload)

    async def _fly(self, granule: Granule) -> int:
        """Bring a granule to Google; it counts as soon as it is there."""
        transfer = await self._attached()
        await self._keep(granule)
        received = await transfer.put(granule.start, granule.view())
        await self._commit(received)
        return received

    async def _attached(self) -> Transfer:
        """Return the way to the open session, over a key of its project while there is one."""
        if self._transfer is None:
            session = self.upload.session
            assert session is not None
            if self._holding is None:
                self._holding = await self._parts.opener.resume(self.upload)
            if self._holding is not None:
                session = replace(session, proxy_url=self._holding.lease.proxy_url)
            self._transfer = Transfer(self._parts.wire, session, self._parts.patience)
        return self._transfer

    async def _commit(self, received: int) -> None:
        await self._parts.store.commit(self.upload, received)
        upload = self.upload
        self.upload = replace(
            upload,
            offset=max(upload.offset, received),
            tail=max(0, upload.committed_size - received),
        )
        self._is_unsure = False

    async def _keep(self, granule: Granule) -> None:
        kept = await self._putting.keep(self.upload, granule.start, granule.view())
        self.upload = replace(self.upload, kept=kept)

    async def _see_landed(self) -> None:
        """Let what was sent count although nobody waits for it any more."""
        if self._flight is None:
            return
        granule, task = self._flight
        with contextlib.suppress(EndedError, ServiceError, TimeoutError):
            async with asyncio.timeout(_LANDING_SECONDS):
                await task
        granule.free()

    async def _settle(self, *, is_abandoned: bool) -> None:
        if self._holding is None:
            return
        evidence = self._transfer.evidence if self._transfer and self._is_unsure else None
        if is_abandoned:
            await self._holding.settle(Outcome.ABANDONED)
        elif evidence is not None:
            await self._holding.settle(Outcome.FAILED, evidence)
        else:
            await self._holding.settle(Outcome.SUCCEEDED)
