"""A client that brings its bytes home whatever breaks, and notes what it was told meanwhile."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from gemini_balance.files.v1 import files_pb2 as pb

from services.kit.errors import RemoteError
from tests.support.files import Files, frames_of

OnFrame = Callable[[int], Awaitable[None]]
"""What is to happen before a frame is sent; told how many went before it in all."""


async def nothing(_: int) -> None:
    """Do nothing."""


@dataclass
class PatientClient:
    """Uploads as an SDK does: after a failure it asks how far the upload is, and goes on there.

    Attributes:
        replicas: Services to turn to, in turn.
        upload_id: The upload.
        failures: What went wrong.
        most: The most bytes of which it was ever told that they are safe.
        frames: How many frames were sent in all.
    """

    replicas: Sequence[Files]
    upload_id: str
    failures: list[RemoteError] = field(default_factory=list)
    most: int = 0
    frames: int = 0

    async def bring(
        self,
        content: bytes,
        *,
        chunk: int | None = None,
        announce: bool = True,
        on_frame: OnFrame = nothing,
        seconds: float = 90,
    ) -> pb.Upload:
        """Upload the whole content and return the upload when it has ended.

        Args:
            content: The file.
            chunk: Bytes of each write; None for all that is left.
            announce: Whether length and end are told before they come.
            on_frame: See `OnFrame`.
            seconds: Give up after so long.
        """
        turns = itertools.cycle(self.replicas)
        async with asyncio.timeout(seconds):
            while True:
                files = next(turns)
                try:
                    upload = self._noted(await files.state(self.upload_id))
                    while upload.state == pb.Upload.STATE_ACTIVE:
                        at = upload.committed_size
                        piece = content[at : at + (chunk or len(content))]
                        is_last = at + len(piece) == len(content)
                        frames = self._frames(at, piece, announce, on_frame, finish=is_last)
                        upload = self._noted(await files.stream(frames))
                except RemoteError as error:
                    self._bear(error)
                    await asyncio.sleep(0.05)
                else:
                    return upload

    async def write(
        self, content: bytes, *, at: int = 0, finish: bool = True, on_frame: OnFrame = nothing
    ) -> pb.Upload:
        """Make one write at the first service, and bear nothing."""
        frames = self._frames(at, content, True, on_frame, finish=finish)
        return self._noted(await self.replicas[0].stream(frames))

    async def _frames(
        self, at: int, piece: bytes, announce: bool, on_frame: OnFrame, *, finish: bool
    ) -> AsyncIterator[pb.WriteUploadRequest]:
        begin = pb.WriteUploadRequest.Begin(upload_id=self.upload_id, write_offset=at)
        if announce:
            begin.content_length, begin.finishes = len(piece), finish
        yield pb.WriteUploadRequest(begin=begin)
        for frame in frames_of(piece):
            await on_frame(self.frames)
            self.frames += 1
            yield pb.WriteUploadRequest(chunk=frame)
        if finish:
            yield pb.WriteUploadRequest(finish=pb.WriteUploadRequest.Finish())

    def _noted(self, upload: pb.Upload) -> pb.Upload:
        assert upload.committed_size >= self.most, "what was safe must stay safe"
        self.most = upload.committed_size
        return upload

    def _bear(self, error: RemoteError) -> None:
        """Note a failure that going on may mend; others fail the test."""
        if not error.is_away and error.reason != "UPLOAD_PREEMPTED":
            raise error
        self.failures.append(error)
