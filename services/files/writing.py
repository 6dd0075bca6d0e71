"""One write: who may write what, and what its writer is told."""

import asyncio
import contextlib
from dataclasses import dataclass

from services.files import metrics
from services.files.errors import (
    FileTooLargeError,
    OffsetMismatchError,
    ServiceEndsError,
    UploadCancelledError,
    UploadFinalizedError,
    UploadUnknownError,
    WriterSilentError,
)
from services.files.listening import Ear, Listening
from services.files.media_types import telling
from services.files.passage import Passage
from services.files.sender import Sending
from services.files.shares import Shares
from services.files.transfer import EndedError
from services.files.uploads import Upload, UploadState
from services.files.write_order import Finish, Frames, WriteOrder
from services.kit.errors import InvalidRequestError, ServiceError


@dataclass(frozen=True, slots=True)
class Writing:
    """What writing takes.

    Attributes:
        sending: Where bytes go.
        shares: Memory for bytes on their way.
        listening: How long writers are waited for.
        largest_file: The most bytes of a file.
    """

    sending: Sending
    shares: Shares
    listening: Listening
    largest_file: int

    async def write(self, order: WriteOrder, frames: Frames) -> Upload:
        """Take bytes; return the upload with all of them safe.

        What Google refuses for good is no error: the upload has failed with its answer.

        Raises:
            ServiceError: See the contract of `WriteUpload`.
        """
        with self.listening.ear() as ear:
            return await self._write(order, frames, ear)

    async def _write(self, order: WriteOrder, frames: Frames, ear: Ear) -> Upload:
        upload = await self.sending.store.begin(order.upload_id, telling(order.mime_type))
        if upload is None:
            raise UploadUnknownError("no such upload")
        match upload.state:
            case UploadState.CANCELLED:
                raise UploadCancelledError("the upload was cancelled")
            case UploadState.FAILED:
                return upload
            case UploadState.FINALIZED:
                await _check_repeated(upload, order, frames, ear)
                return upload
        write = _Write(self, order, upload, ear)
        is_abandoned = False
        try:
            return await write.run(frames)
        except asyncio.CancelledError:
            is_abandoned = True
            raise
        finally:
            await write.close(is_abandoned=is_abandoned)


async def _check_repeated(upload: Upload, order: WriteOrder, frames: Frames, ear: Ear) -> None:
    """Let the last chunk of a finished upload be repeated: its answer may have been lost."""
    end, finishes = order.end, order.finishes
    if end is None:
        end = order.offset
        while (frame := await ear.hear(frames, at_boundary=True)) is not None:
            if isinstance(frame, Finish):
                finishes = True
            else:
                end += len(frame)
    if not finishes or end != upload.committed_size:
        raise UploadFinalizedError("the upload is finished")


class _Write:
    """The state of one write."""

    def __init__(self, parts: Writing, order: WriteOrder, upload: Upload, ear: Ear) -> None:
        self._parts = parts
        self._order = order
        self._ear = ear
        budget = parts.shares.of(f"{upload.order.pool}/{upload.order.client_id}")
        self._passage = Passage(parts.sending, budget, upload, order)

    async def run(self, frames: Frames) -> Upload:
        """Take all frames."""
        passage = self._passage
        try:
            await passage.learn_truth()
            self._check_order()
            if await self._gathered(frames):
                await passage.finish()
            else:
                await passage.rest()
        except EndedError as ended:
            await passage.end(ended)
        return passage.upload

    async def close(self, *, is_abandoned: bool) -> None:
        """Let go of everything."""
        await self._passage.close(is_abandoned=is_abandoned)

    def _check_order(self) -> None:
        order, committed = self._order, self._passage.upload.committed_size
        if order.offset > committed:
            raise OffsetMismatchError(committed)
        if order.end is not None:
            self._check_end(order.end)

    def _check_end(self, end: int) -> None:
        declared = self._passage.upload.order.declared_size
        if end > self._parts.largest_file:
            raise FileTooLargeError(self._parts.largest_file)
        if declared is not None and end > declared:
            raise InvalidRequestError("chunk", f"exceeds the declared size of {declared} bytes")
        if self._order.end is not None and end > self._order.end:
            raise InvalidRequestError("content_length", "is less than the bytes sent")

    async def _gathered(self, frames: Frames) -> bool:
        """Take the bytes; whether the upload is to be finished with them.

        What a writer had sent before it fell silent, or before the service ends, is kept.
        """
        try:
            return await self._gather(frames)
        except (WriterSilentError, ServiceEndsError):
            with contextlib.suppress(ServiceError):
                await self._passage.rest()
            raise

    async def _gather(self, frames: Frames) -> bool:
        at, passage, hear = self._order.offset, self._passage, self._ear.hear
        while (frame := await hear(frames, at_boundary=passage.is_at_boundary)) is not None:
            if isinstance(frame, Finish):
                self._check_finish(at)
                return True
            self._check_end(at + len(frame))
            await passage.take(frame, at)
            at += len(frame)
            metrics.WRITTEN.inc(len(frame))
        return False

    def _check_finish(self, at: int) -> None:
        if self._order.end not in {None, at}:
            raise InvalidRequestError("content_length", "does not fit the bytes sent")
        if at < self._passage.wanted:
            # The file would end before bytes that are safe already.
            raise OffsetMismatchError(self._passage.wanted)
