"""One write: bytes in order into granules, granules to Google, what is left into the store."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

from services.files import metrics
from services.files.budget import Budget
from services.files.errors import (
    FileTooLargeError,
    OffsetMismatchError,
    UploadCancelledError,
    UploadFinalizedError,
    UploadUnknownError,
)
from services.files.finishing import Finisher
from services.files.granules import Granule, regrouped
from services.files.holding import Holding
from services.files.leases import Outcome
from services.files.media_types import SNIFFED, infer, telling
from services.files.opening import Opener
from services.files.safekeeping import Putting, Safekeeping
from services.files.sessions import SessionWire
from services.files.store import UploadStore
from services.files.transfer import EndedError, Patience, Transfer
from services.files.uploads import Answer, Upload, UploadState
from services.kit.errors import InvalidRequestError, ServiceError

_LANDING_SECONDS = 10.0
"""So long a granule on its way may take after its client has left."""


class Finish:
    """Stands after the last bytes of an upload."""


Frames = AsyncIterator[bytes | Finish]


@dataclass(frozen=True, slots=True)
class WriteOrder:
    """What a writer announces.

    Attributes:
        upload_id: The upload.
        offset: Where its bytes belong.
        mime_type: The type of the request that brought them.
        length: How many there are, when it is known.
        finishes: Whether the upload is to be finished with them.
    """

    upload_id: str
    offset: int
    mime_type: str = ""
    length: int | None = None
    finishes: bool = False

    @property
    def end(self) -> int | None:
        """Offset of the byte after the last one, when it is known."""
        return None if self.length is None else self.offset + self.length


@dataclass(frozen=True, slots=True)
class Writing:
    """What writing takes.

    Attributes:
        store: Where uploads are kept.
        wire: The way to Google.
        opener: Opens sessions there.
        safekeeping: Keeps what goes there.
        finisher: Ends uploads.
        budget: Memory for bytes on their way.
        patience: How long faults of Google are borne.
        largest_file: The most bytes of a file.
    """

    store: UploadStore
    wire: SessionWire
    opener: Opener
    safekeeping: Safekeeping
    finisher: Finisher
    budget: Budget
    patience: Patience
    largest_file: int

    async def write(self, order: WriteOrder, frames: Frames) -> Upload:
        """Take bytes; return the upload with all of them safe.

        What Google refuses for good is no error: the upload has failed with its answer.

        Raises:
            ServiceError: See the contract of `WriteUpload`.
        """
        upload = await self.store.begin(order.upload_id, telling(order.mime_type))
        if upload is None:
            raise UploadUnknownError("no such upload")
        match upload.state:
            case UploadState.CANCELLED:
                raise UploadCancelledError("the upload was cancelled")
            case UploadState.FAILED:
                return upload
            case UploadState.FINALIZED:
                await _check_repeated(upload, order, frames)
                return upload
        run = _Run(self, order, upload)
        try:
            return await run.go(frames)
        except asyncio.CancelledError:
            run.is_abandoned = True
            raise
        finally:
            await run.close()


async def _check_repeated(upload: Upload, order: WriteOrder, frames: Frames) -> None:
    """Let the last chunk of a finished upload be repeated: its answer may have been lost."""
    end, finishes = order.end, order.finishes
    if end is None:
        end = order.offset
        async for frame in frames:
            if isinstance(frame, Finish):
                finishes = True
            else:
                end += len(frame)
    if not finishes or end != upload.committed_size:
        raise UploadFinalizedError("the upload is finished")


class _Run:
    """The state of one write."""

    def __init__(self, parts: Writing, order: WriteOrder, upload: Upload) -> None:
        self._parts = parts
        self._order = order
        self._upload = upload
        self._share = 0
        self._filling: Granule | None = None
        self._spare: Granule | None = None
        self._waiting: list[Granule] = []
        self._flight: tuple[Granule, asyncio.Task[int]] | None = None
        self._holding: Holding | None = None
        self._transfer: Transfer | None = None
        self._putting = Putting(parts.safekeeping)
        # Whether Google may have more than the store knows.
        self._is_unsure = upload.is_dirty and upload.session is not None
        self.is_abandoned = False

    async def go(self, frames: Frames) -> Upload:
        """Take all frames."""
        try:
            if self._is_unsure:
                await self._learn_truth()
            self._check_order()
            if await self._gather(frames):
                return await self._finish()
            await self._keep_rest()
        except EndedError as ended:
            return await self._end(ended.answer, is_success=ended.is_success)
        return self._upload

    async def close(self) -> None:
        """Let go of everything, and say whether all is accounted for."""
        try:
            if self._flight is not None:
                await self._see_landed()
        finally:
            await self._putting.close()
            self._parts.budget.give_back(self._share)
            if self._holding is not None:
                await self._settle(self._holding)
        if not self._is_unsure and self._upload.state is UploadState.ACTIVE:
            await self._parts.store.end(self._upload)

    async def _learn_truth(self) -> None:
        """Ask how far the writer before has come."""
        transfer = await self._attached()
        received = await transfer.received()
        if received < self._upload.offset:
            raise transfer.lost()
        await self._commit(received)

    def _check_order(self) -> None:
        order, committed = self._order, self._upload.committed_size
        if order.offset > committed:
            raise OffsetMismatchError(committed)
        if order.end is not None:
            self._check_end(order.end)

    def _check_end(self, end: int) -> None:
        declared = self._upload.order.declared_size
        if end > self._parts.largest_file:
            raise FileTooLargeError(self._parts.largest_file)
        if declared is not None and end > declared:
            raise InvalidRequestError("chunk", f"exceeds the declared size of {declared} bytes")

    async def _gather(self, frames: Frames) -> bool:
        """Take the bytes; whether the upload is to be finished with them."""
        at = self._order.offset
        async for frame in frames:
            if isinstance(frame, Finish):
                if self._order.end not in {None, at}:
                    raise InvalidRequestError("content_length", "does not fit the bytes sent")
                return True
            self._check_end(at + len(frame))
            await self._take(memoryview(frame), at)
            at += len(frame)
            metrics.WRITTEN.inc(len(frame))
        return False

    async def _take(self, piece: memoryview, at: int) -> None:
        while len(piece):
            wanted = self._filling.end if self._filling else self._upload.committed_size
            if at < wanted:
                # Safe already: a repeated chunk, or one that Google had after all.
                skipped = min(wanted - at, len(piece))
            else:
                skipped = await self._fill(piece)
            piece = piece[skipped:]
            at += skipped

    async def _fill(self, piece: memoryview) -> int:
        granule = self._filling or await self._first_granule()
        if granule.room:
            return granule.take(piece)
        if granule.filled < self._upload.granule:
            raise InvalidRequestError("content_length", "is less than the bytes sent")
        # A full one goes only when another byte comes: the last one finishes the upload.
        await self._send_off(granule)
        return 0

    async def _first_granule(self) -> Granule:
        upload, size = self._upload, self._upload.granule
        if self._order.end is not None:
            size = min(size, max(self._order.end, upload.committed_size) - upload.offset)
        self._share += await self._parts.budget.take(size)
        self._filling = Granule(upload.offset, size, stored=upload.tail)
        return self._filling

    async def _send_off(self, granule: Granule) -> None:
        """Send a full granule, and go on with another one meanwhile if there is memory."""
        await self._load(granule)
        self._putting.ahead(self._upload.kept, granule.start, granule.view())
        await self._landed()
        if self._filling is not granule:
            # What was before it did not arrive whole, so all bytes are grouped anew.
            return
        await self._ready(granule, self._known_size())
        if granule.capacity != self._upload.granule:
            await self._regroup([granule.view()], granule.start)
            return
        self._filling = None
        self._launch(granule)
        await self._next_granule(granule.end)

    async def _next_granule(self, start: int) -> None:
        size = self._upload.granule
        if self._spare is None and self._parts.budget.take_spare(size):
            self._share += size
            self._spare = Granule(start, size)
        if self._spare is None:
            await self._landed()
        if self._filling is None:
            assert self._spare is not None
            self._filling, self._spare = self._spare, None
            self._filling.reuse(start)

    def _launch(self, granule: Granule) -> None:
        self._is_unsure = True
        self._flight = granule, asyncio.create_task(self._fly(granule))

    async def _fly(self, granule: Granule) -> int:
        """Bring a granule to Google; it counts as soon as it is there."""
        assert self._transfer is not None
        await self._keep(granule)
        received = await self._transfer.put(granule.start, granule.view())
        await self._commit(received)
        return received

    async def _landed(self) -> None:
        """Wait until what was sent is safe at Google."""
        while self._flight is not None:
            granule, task = self._flight
            received = await task
            self._flight = None
            if received != granule.end:
                await self._go_on_from(received, granule)
            elif self._waiting:
                self._launch(self._waiting.pop(0))
            else:
                self._lay_by(granule)

    def _lay_by(self, granule: Granule) -> None:
        """Keep a granule that has landed for the next bytes, unless others need its memory more."""
        if self._filling is None:
            self._spare = granule
        elif self._share >= granule.capacity + self._filling.capacity:
            if self._parts.budget.is_contended:
                self._parts.budget.give_back(granule.capacity)
                self._share -= granule.capacity
            else:
                self._spare = granule

    async def _go_on_from(self, received: int, broken: Granule) -> None:
        """Group all bytes anew from where Google is: a part of a granule cannot be sent."""
        granules = [broken, *self._waiting, *([self._filling] if self._filling else [])]
        pieces = [each.view(max(0, received - each.start)) for each in granules]
        self._waiting = []
        await self._regroup(pieces, received)

    async def _regroup(self, pieces: list[memoryview], start: int) -> None:
        *full, self._filling = regrouped(pieces, start, self._upload.granule)
        self._spare = None
        self._waiting += full
        if self._waiting and self._flight is None:
            self._launch(self._waiting.pop(0))
            await self._landed()

    async def _finish(self) -> Upload:
        await self._landed()
        granule = self._filling
        if granule is None:
            granule = await self._first_granule()
        await self._load(granule)
        await self._ready(granule, granule.end)
        if granule.filled > self._upload.granule:
            await self._regroup([granule.view()], granule.start)
            granule = self._filling
            assert granule is not None
        assert self._transfer is not None
        self._is_unsure = True
        await self._keep(granule)
        answer = await self._transfer.finish(granule.start, granule.view())
        self._upload = replace(self._upload, offset=granule.end, tail=0)
        return await self._end(answer, is_success=True)

    async def _end(self, answer: Answer, *, is_success: bool) -> Upload:
        finisher = self._parts.finisher
        if is_success:
            # A writer that finds a finished session knows only what it was to bring.
            size = max(self._upload.committed_size, self._known_size() or 0)
            self._upload = await finisher.finalize(self._upload, answer, size)
        else:
            self._upload = await finisher.fail(self._upload, answer)
        self._is_unsure = False
        return self._upload

    async def _keep_rest(self) -> None:
        """Keep the bytes that fill no granule; what was a whole one goes to Google."""
        await self._landed()
        granule = self._filling
        if granule is None:
            return
        if granule.filled == self._upload.granule:
            await self._load(granule)
            await self._ready(granule, self._known_size())
            self._filling = None
            await self._regroup([granule.view()], granule.start)
            granule = self._filling
            assert granule is not None
        if granule.filled > granule.stored:
            await self._parts.store.append_tail(
                self._upload, granule.start + granule.stored, granule.view(granule.stored)
            )
            self._upload = replace(self._upload, tail=granule.filled)

    async def _load(self, granule: Granule) -> None:
        if granule.stored:
            await self._parts.store.read_tail(self._upload, granule.unloaded())
            granule.stored = 0

    def _known_size(self) -> int | None:
        return self._order.end if self._order.finishes else None

    async def _ready(self, granule: Granule, size: int | None) -> None:
        """Open the session at Google if there is none yet."""
        upload = self._upload
        if upload.session is not None:
            await self._attached()
            return
        order = upload.order
        head = bytes(granule.view()[:SNIFFED])
        mime_type = infer(order.mime_type, upload.hint, order.file_names, head)
        if order.declared_size is not None:
            size = order.declared_size
        self._holding, self._upload = await self._parts.opener.open(upload, mime_type, size)
        await self._attached()

    async def _attached(self) -> Transfer:
        """Return the way to the open session, over a key of its project while there is one."""
        if self._transfer is None:
            session = self._upload.session
            assert session is not None
            if self._holding is None:
                self._holding = await self._parts.opener.resume(self._upload)
            if self._holding is not None:
                session = replace(session, proxy_url=self._holding.lease.proxy_url)
            self._transfer = Transfer(self._parts.wire, session, self._parts.patience)
        return self._transfer

    async def _commit(self, received: int) -> None:
        await self._parts.store.commit(self._upload, received)
        upload = self._upload
        self._upload = replace(
            upload,
            offset=max(upload.offset, received),
            tail=max(0, upload.committed_size - received),
        )
        self._is_unsure = False

    async def _keep(self, granule: Granule) -> None:
        kept = await self._putting.keep(self._upload, granule.start, granule.view())
        self._upload = replace(self._upload, kept=kept)

    async def _see_landed(self) -> None:
        """Let what was sent count although nobody waits for it any more."""
        assert self._flight is not None
        _, task = self._flight
        self._flight = None
        with contextlib.suppress(EndedError, ServiceError, TimeoutError):
            async with asyncio.timeout(_LANDING_SECONDS):
                await task

    async def _settle(self, holding: Holding) -> None:
        transfer = self._transfer
        if self.is_abandoned:
            await holding.settle(Outcome.ABANDONED)
        elif transfer is not None and transfer.evidence is not None and self._is_unsure:
            await holding.settle(Outcome.FAILED, transfer.evidence)
        else:
            await holding.settle(Outcome.SUCCEEDED)
