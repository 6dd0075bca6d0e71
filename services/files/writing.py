"""One write: bytes in order into granules, granules to Google, what is left into the store."""

import asyncio
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
from services.files.granules import Granule
from services.files.media_types import SNIFFED, infer, telling
from services.files.room import Room
from services.files.sender import Sender, Sending
from services.files.transfer import EndedError
from services.files.uploads import Upload, UploadState
from services.kit.errors import InvalidRequestError


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
        sending: Where bytes go.
        budget: Memory for bytes on their way.
        largest_file: The most bytes of a file.
    """

    sending: Sending
    budget: Budget
    largest_file: int

    async def write(self, order: WriteOrder, frames: Frames) -> Upload:
        """Take bytes; return the upload with all of them safe.

        What Google refuses for good is no error: the upload has failed with its answer.

        Raises:
            ServiceError: See the contract of `WriteUpload`.
        """
        upload = await self.sending.store.begin(order.upload_id, telling(order.mime_type))
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
        write = _Write(self, order, upload)
        is_abandoned = False
        try:
            return await write.run(frames)
        except asyncio.CancelledError:
            is_abandoned = True
            raise
        finally:
            await write.close(is_abandoned=is_abandoned)


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


class _Write:
    """The state of one write."""

    def __init__(self, parts: Writing, order: WriteOrder, upload: Upload) -> None:
        self._parts = parts
        self._order = order
        self._sender = Sender(parts.sending, upload)
        self._room = Room(parts.budget)

    async def run(self, frames: Frames) -> Upload:
        """Take all frames."""
        try:
            await self._sender.learn_truth()
            self._check_order()
            if await self._gather(frames):
                await self._finish()
            else:
                await self._keep_rest()
        except EndedError as ended:
            await self._sender.end(
                ended.answer, self._known_size() or 0, is_success=ended.is_success
            )
        return self._sender.upload

    async def close(self, *, is_abandoned: bool) -> None:
        """Let go of everything."""
        try:
            await self._sender.close(is_abandoned=is_abandoned)
        finally:
            self._room.close()

    @property
    def _wanted(self) -> int:
        """Offset of the first byte that is neither safe nor gathered."""
        filling = self._room.filling
        return filling.end if filling else self._sender.upload.committed_size

    def _check_order(self) -> None:
        order, committed = self._order, self._sender.upload.committed_size
        if order.offset > committed:
            raise OffsetMismatchError(committed)
        if order.end is not None:
            self._check_end(order.end)

    def _check_end(self, end: int) -> None:
        declared = self._sender.upload.order.declared_size
        if end > self._parts.largest_file:
            raise FileTooLargeError(self._parts.largest_file)
        if declared is not None and end > declared:
            raise InvalidRequestError("chunk", f"exceeds the declared size of {declared} bytes")
        if self._order.end is not None and end > self._order.end:
            raise InvalidRequestError("content_length", "is less than the bytes sent")

    async def _gather(self, frames: Frames) -> bool:
        """Take the bytes; whether the upload is to be finished with them."""
        at = self._order.offset
        async for frame in frames:
            if isinstance(frame, Finish):
                self._check_finish(at)
                return True
            self._check_end(at + len(frame))
            await self._take(memoryview(frame), at)
            at += len(frame)
            metrics.WRITTEN.inc(len(frame))
        return False

    def _check_finish(self, at: int) -> None:
        if self._order.end not in {None, at}:
            raise InvalidRequestError("content_length", "does not fit the bytes sent")
        if at < self._wanted:
            # The file would end before bytes that are safe already.
            raise OffsetMismatchError(self._wanted)

    async def _take(self, piece: memoryview, at: int) -> None:
        while len(piece):
            granule = self._room.filling
            if at < self._wanted:
                # Safe already: a repeated chunk, or one that Google had after all.
                taken = min(self._wanted - at, len(piece))
            elif granule is None:
                await self._begin_granule()
                continue
            elif not granule.room:
                # A full one goes only when another byte comes: the last one finishes the upload.
                await self._send_off(granule)
                continue
            else:
                taken = granule.take(piece)
            piece = piece[taken:]
            at += taken

    async def _begin_granule(self) -> Granule:
        upload = self._sender.upload
        size = upload.granule
        if self._order.end is not None:
            size = min(size, max(self._order.end, upload.committed_size) - upload.offset)
        # A tail that gathered before the session was open may be longer than a granule.
        return await self._room.begin(upload.offset, max(size, upload.tail), stored=upload.tail)

    async def _send_off(self, granule: Granule) -> None:
        """Send a full granule, and go on with another one meanwhile if there is memory."""
        await self._load(granule)
        self._sender.expect(granule)
        await self._land()
        if self._room.filling is not granule:
            # What was before it did not arrive whole, so all bytes were grouped anew.
            return
        await self._open(granule, self._known_size())
        size = self._sender.upload.granule
        if granule.capacity != size:
            self._regroup([granule.view()], granule.start)
            await self._land()
            return
        self._room.hand_over()
        self._sender.launch(granule)
        if not self._room.go_on(granule.end, size):
            await self._land()
            if self._room.filling is None and not self._room.go_on(granule.end, size):
                await self._room.begin(granule.end, size)

    async def _land(self) -> None:
        """Wait until what was sent, and what waited for it, is safe at Google."""
        while landed := await self._sender.landed():
            granule, received = landed
            if received != granule.end:
                # Google has a part of it, which ends anywhere: the rest is grouped from there.
                room = self._room
                later = [*room.waiting, *([room.filling] if room.filling else [])]
                pieces = [each.view(max(0, received - each.start)) for each in (granule, *later)]
                self._regroup(pieces, received)
            elif self._room.waiting:
                self._sender.launch(self._room.waiting.pop(0))
            else:
                self._room.lay_by(granule)

    def _regroup(self, pieces: list[memoryview], start: int) -> None:
        self._room.regroup(pieces, start, self._sender.upload.granule)
        if self._room.waiting:
            self._sender.launch(self._room.waiting.pop(0))

    async def _finish(self) -> None:
        await self._land()
        granule = self._room.filling or await self._begin_granule()
        await self._load(granule)
        await self._open(granule, granule.end)
        if granule.filled > self._sender.upload.granule:
            self._regroup([granule.view()], granule.start)
            await self._land()
        assert self._room.filling is not None
        await self._sender.finish(self._room.filling)

    async def _keep_rest(self) -> None:
        """Keep the bytes that fill no granule; what was a whole one goes to Google."""
        await self._land()
        granule, sender = self._room.filling, self._sender
        if granule is not None and granule.filled >= sender.upload.granule:
            await self._load(granule)
            await self._open(granule, self._known_size())
            self._regroup([granule.view()], granule.start)
            await self._land()
            granule = self._room.filling
        committed = sender.upload.committed_size
        if granule is not None and granule.end > committed:
            rest = granule.view(committed - granule.start)
            await self._parts.sending.store.append_tail(sender.upload, committed, rest)
            sender.upload = replace(sender.upload, tail=granule.filled)

    async def _load(self, granule: Granule) -> None:
        if granule.stored:
            await self._parts.sending.store.read_tail(self._sender.upload, granule.unloaded())
            granule.stored = 0

    def _known_size(self) -> int | None:
        return self._order.end if self._order.finishes else None

    async def _open(self, granule: Granule, size: int | None) -> None:
        """Open the session at Google if there is none yet."""
        upload = self._sender.upload
        if upload.session is not None:
            return
        order = upload.order
        head = bytes(granule.view()[:SNIFFED])
        mime_type = infer(order.mime_type, upload.hint, order.file_names, head)
        known = order.declared_size if order.declared_size is not None else size
        await self._sender.open(mime_type, known)
