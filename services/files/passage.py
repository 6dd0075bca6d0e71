"""The passage of one write's bytes: into granules, to Google, and what is left into the store."""

from dataclasses import replace

from services.files.granules import Granule
from services.files.media_types import SNIFFED, infer
from services.files.room import Room
from services.files.sender import Sender, Sending
from services.files.shares import ClientBudget
from services.files.transfer import EndedError
from services.files.uploads import Upload
from services.files.write_order import WriteOrder


class Passage:
    """Takes bytes in order. Every method raises EndedError once Google has ended the session."""

    def __init__(
        self, sending: Sending, budget: ClientBudget, upload: Upload, order: WriteOrder
    ) -> None:
        """Take no bytes yet."""
        self._store = sending.store
        self._sender = Sender(sending, upload)
        self._room = Room(budget)
        self._order = order

    @property
    def upload(self) -> Upload:
        """How the upload stands."""
        return self._sender.upload

    @property
    def wanted(self) -> int:
        """Offset of the first byte that is neither safe nor here."""
        filling = self._room.filling
        return filling.end if filling else self.upload.committed_size

    @property
    def is_at_boundary(self) -> bool:
        """Whether no bytes have gathered, or just a whole granule that is not the last one."""
        filling, end = self._room.filling, self._order.end
        start = filling.start if filling else self.wanted
        if end is not None and end - start <= self.upload.granule:
            return False
        return filling is None or filling.filled == filling.stored or not filling.room

    async def learn_truth(self) -> None:
        """Ask Google how far the writer before has come, when that is not known."""
        await self._sender.learn_truth()

    async def take(self, piece: memoryview, at: int) -> None:
        """Take bytes that belong at an offset which is not beyond the one wanted."""
        while len(piece):
            granule = self._room.filling
            if at < self.wanted:
                # Safe already: a repeated chunk, or one that Google had after all.
                taken = min(self.wanted - at, len(piece))
            elif granule is None:
                await self._begin()
                continue
            elif not granule.room:
                # A full one goes only when another byte comes: the last one finishes the upload.
                await self._send_off(granule)
                continue
            else:
                taken = granule.take(piece)
            piece = piece[taken:]
            at += taken

    async def finish(self) -> None:
        """Bring everything to Google; the upload is finished."""
        await self._land()
        granule = self._room.filling or await self._begin()
        await self._load(granule)
        await self._open(granule, granule.end)
        if granule.filled > self.upload.granule:
            await self._regroup(granule)
        assert self._room.filling is not None
        await self._sender.finish(self._room.filling)

    async def rest(self) -> None:
        """Keep the bytes that fill no granule; what was a whole one goes to Google."""
        await self._land()
        granule = self._room.filling
        if granule is not None and granule.filled >= self.upload.granule:
            await self._load(granule)
            await self._open(granule, self._order.final_size)
            await self._regroup(granule)
            granule = self._room.filling
        committed = self.upload.committed_size
        if granule is not None and granule.end > committed:
            tail = granule.view(committed - granule.start)
            await self._store.append_tail(self.upload, committed, tail)
            self._sender.upload = replace(self.upload, tail=granule.filled)

    async def end(self, ended: EndedError) -> None:
        """Record how Google ended the session."""
        size = self._order.final_size or 0
        await self._sender.end(ended.answer, size, is_success=ended.is_success)

    async def close(self, *, is_abandoned: bool) -> None:
        """Let go of everything."""
        try:
            await self._sender.close(is_abandoned=is_abandoned)
        finally:
            self._room.close()

    async def _begin(self) -> Granule:
        upload, end = self.upload, self._order.end
        size = upload.granule
        if end is not None:
            size = min(size, max(end, upload.committed_size) - upload.offset)
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
        await self._open(granule, self._order.final_size)
        size = self.upload.granule
        if granule.capacity != size:
            await self._regroup(granule)
            return
        self._room.hand_over()
        self._sender.launch(granule)
        if not self._room.go_on(granule.end, size):
            await self._land()
            if self._room.filling is None and not self._room.go_on(granule.end, size):
                await self._room.begin(granule.end, size)

    async def _land(self) -> None:
        """Wait until what was sent, and what waited for it, is safe at Google."""
        room = self._room
        while landed := await self._sender.landed():
            granule, received = landed
            if received != granule.end:
                # Google has a part of it, which ends anywhere: the rest is grouped from there.
                room.regroup(granule, received, self.upload.granule)
            else:
                room.lay_by(granule)
            if room.waiting:
                self._sender.launch(room.waiting.pop(0))

    async def _regroup(self, granule: Granule) -> None:
        """Send the bytes of the only granule here in granules of the session's size."""
        self._room.regroup(granule, granule.start, self.upload.granule)
        if self._room.waiting:
            self._sender.launch(self._room.waiting.pop(0))
            await self._land()

    async def _load(self, granule: Granule) -> None:
        if granule.stored:
            await self._store.read_tail(self.upload, granule.unloaded())
            granule.stored = 0

    async def _open(self, granule: Granule, size: int | None) -> None:
        """Open the session at Google if there is none yet."""
        if self.upload.session is None:
            order, hint = self.upload.order, self.upload.hint
            head = bytes(granule.view()[:SNIFFED])
            mime_type = infer(order.mime_type, hint, order.file_names, head)
            known = order.declared_size if order.declared_size is not None else size
            await self._sender.open(mime_type, known)
