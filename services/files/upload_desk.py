"""Uploads are made, looked at and given up here; bytes are `writing`'s."""

import contextlib
import secrets
from collections.abc import Awaitable
from dataclasses import dataclass

from services.files import metrics
from services.files.discarding import Discard
from services.files.errors import (
    FileTooLargeError,
    NameTakenError,
    NoKeyError,
    ResourceUnknownError,
    UploadFinalizedError,
    UploadUnknownError,
)
from services.files.leases import KeyPool, Need, Outcome
from services.files.sessions import SessionWire, UnansweredError
from services.files.store import UploadStore
from services.files.uploads import Answer, Session, Upload, UploadOrder, UploadState
from services.judging import Operation
from services.kit.errors import ServiceError
from services.kit.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class UploadDesk:
    """What making uploads takes.

    Attributes:
        store: Where uploads are kept.
        pool: The key pool.
        wire: The way to Google.
        discard: Deletes what is not wanted there.
        largest_file: The most bytes of a file.
        is_isolated: Whether resources of other clients of the pool are out of reach.
    """

    store: UploadStore
    pool: KeyPool
    wire: SessionWire
    discard: Discard
    largest_file: int
    is_isolated: bool

    async def create(self, order: UploadOrder, request_id: str) -> tuple[str, Upload]:
        """Make an upload and return its id; nothing goes to Google yet.

        Raises:
            FileTooLargeError: The declared size exceeds the limit.
            NameTakenError: The chosen name belongs to anybody.
            ResourceUnknownError: The resource that it goes below is not the client's.
            NoKeyError: A name was chosen, and no key can take it.
        """
        if order.declared_size is not None and order.declared_size > self.largest_file:
            raise FileTooLargeError(self.largest_file)
        if order.parent:
            await self._check_parent(order)
        upload_id, is_repeated = await self.store.create(
            secrets.token_urlsafe(32), order, request_id
        )
        upload = await self.get(upload_id)
        if order.name and not upload.project_id and upload.state is UploadState.ACTIVE:
            await self._reserve(upload, request_id, is_repeated=is_repeated)
        return upload_id, upload

    async def get(self, upload_id: str) -> Upload:
        """Return an upload.

        Raises:
            UploadUnknownError: There is none.
        """
        upload = await self.store.read(upload_id)
        if upload is None:
            raise UploadUnknownError("no such upload")
        return upload

    async def cancel(self, upload_id: str) -> Upload:
        """Give an upload up, here and at Google.

        Raises:
            UploadUnknownError: There is none.
            UploadFinalizedError: It is finished.
        """
        found = await self.store.cancel(upload_id)
        if found is None:
            raise UploadUnknownError("no such upload")
        upload, is_new = found
        if upload.state is UploadState.FINALIZED:
            raise UploadFinalizedError("the upload is finished")
        if is_new:
            metrics.ENDED.labels("cancelled").inc()
            await self._clear_away(upload)
        return await self.get(upload_id)

    async def sweep(self, limit: int) -> int:
        """Drop uploads that were left, at Google too; return how many."""
        uploads = await self.store.sweep(limit)
        for upload in uploads:
            if upload.state is UploadState.ACTIVE:
                metrics.ENDED.labels("left").inc()
                await self._clear_away(upload)
        return len(uploads)

    async def _check_parent(self, order: UploadOrder) -> None:
        owner = await self.pool.owner_of(order.pool, order.parent)
        is_own = owner is not None and owner.client_id == order.client_id
        if owner is None or (self.is_isolated and not is_own):
            raise ResourceUnknownError(order.parent)

    async def _reserve(self, upload: Upload, request_id: str, *, is_repeated: bool) -> None:
        """Bind the chosen name to a project that may take the upload.

        While the key pool is away the upload stays, so that the same request may find
        what it has bound.
        """
        order = upload.order
        try:
            project_id = await self._project_for(order)
        except NoKeyError:
            await self.store.drop(upload, request_id)
            raise
        is_bound = await self.pool.bind(
            order.pool,
            order.name,
            project_id=project_id,
            client_id=order.client_id,
            expire_time=upload.expire_time,
            must_be_new=True,
        )
        if not is_bound:
            owner = await self.pool.owner_of(order.pool, order.name)
            is_ours = (
                is_repeated
                and owner is not None
                and owner.client_id == order.client_id
                and owner.create_time > upload.create_time
            )
            if owner is None or not is_ours:
                await self.store.drop(upload, request_id)
                raise NameTakenError(f"{order.name} is taken", metadata={"name": order.name})
            project_id = owner.project_id
        await self.store.choose(upload, project_id)

    async def _project_for(self, order: UploadOrder) -> str:
        lease = await self.pool.acquire(Need(order.pool, order.client_id, Operation.SESSION))
        await _tolerate(self.pool.settle(lease, Outcome.UNUSED))
        return lease.project_id

    async def _clear_away(self, upload: Upload) -> None:
        if upload.session is not None:
            with contextlib.suppress(UnansweredError):
                if not (await self.wire.cancel(upload.session)).is_ok:
                    await self._discard(upload, upload.session)
        if upload.order.name:
            await _tolerate(self._unbind(upload))

    async def _discard(self, upload: Upload, session: Session) -> None:
        """Delete what Google has made of the session, when its last bytes came before its end."""
        told = await self.wire.query(session)
        if told.is_ok and told.upload_status == "final":
            await self.discard(upload, Answer(told.status, told.content_type, told.body))

    async def _unbind(self, upload: Upload) -> None:
        """Free the name reserved for an upload, unless it has become free by itself before."""
        order = upload.order
        owner = await self.pool.owner_of(order.pool, order.name)
        if owner is None or owner.client_id != order.client_id:
            return
        if upload.create_time <= owner.create_time < upload.expire_time:
            await self.pool.unbind(order.pool, order.name)


async def _tolerate(call: Awaitable[None]) -> None:
    """Make a call whose failure mends itself in time."""
    try:
        await call
    except ServiceError as error:
        log.info("a call to the key pool failed", reason=error.reason)
