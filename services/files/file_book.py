"""Files that were made: read, listed, deleted, downloaded; each by its owner alone."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from services.files.asking import Asking
from services.files.errors import (
    FileUnknownError,
    NoKeyError,
    UpstreamRefusedError,
    UpstreamUnavailableError,
)
from services.files.file_wire import GONE, Bytes, FileWire
from services.files.keeping.object_store import ObjectStoreError
from services.files.kept_bytes import KeptFiles
from services.files.leases import KeyPool, Need, Outcome
from services.files.records import FileRecord, FileState, read_description, record_of
from services.files.sessions import Reply, UnansweredError
from services.files.store import FileStore
from services.judging import Operation
from services.kit.errors import ServiceError
from services.kit.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Reader:
    """Who asks.

    Attributes:
        client_id: The client.
        pool: Its pool.
    """

    client_id: str
    pool: str

    def needs(self, project_id: str) -> Need:
        """Return what a call about a file in a project takes."""
        return Need(self.pool, self.client_id, Operation.READ, project_id=project_id)


@dataclass(frozen=True, slots=True)
class FileBook:
    """What calls about files take.

    Attributes:
        store: Where records are kept.
        pool: The key pool.
        wire: The way to Google.
        asking: Makes calls.
        kept: Opens kept bytes; None when none are kept.
        is_isolated: Whether clients of a pool see their own files alone.
    """

    store: FileStore
    pool: KeyPool
    wire: FileWire
    asking: Asking
    kept: KeptFiles | None
    is_isolated: bool

    async def get(self, reader: Reader, name: str) -> FileRecord:
        """Return a file; Google is asked while it is still working on it.

        Raises:
            FileUnknownError: There is none, or it is another client's.
        """
        record = await self.find(reader, name)
        if record.state is not FileState.PROCESSING:
            return record
        with contextlib.suppress(NoKeyError, UpstreamUnavailableError):
            return await self._refreshed(record)
        return record

    async def find(self, reader: Reader, name: str) -> FileRecord:
        """Return a file as it was last seen.

        Raises:
            FileUnknownError: There is none, or it is another client's.
        """
        record = await self.store.read(reader.pool, name)
        if record is None:
            return await self._generated(reader, name)
        self._check(reader, record.client_id, name)
        return record

    async def list_page(
        self, reader: Reader, size: int, after: tuple[str, str] | None
    ) -> tuple[list[FileRecord], tuple[str, str] | None]:
        """Return a page of the client's files, newest first, and where the next one begins."""
        client_id = reader.client_id if self.is_isolated else None
        return await self.store.list_of(reader.pool, client_id, size, after)

    async def dedicate(self, reader: Reader, name: str, purpose: str) -> FileRecord:
        """Note what a file is for, and return it.

        Raises:
            FileUnknownError: There is none, or it is another client's.
        """
        record = replace(await self.find(reader, name), purpose=purpose)
        if not await self.store.change(record):
            raise FileUnknownError(name)
        return record

    async def delete(self, reader: Reader, name: str) -> None:
        """Delete a file, all copies of it and what is kept of it.

        In a project that cannot be used now it ends by itself, unknown to all.

        Raises:
            FileUnknownError: There is none, or it is another client's.
            UpstreamUnavailableError: Google could not work.
        """
        record = await self.store.read(reader.pool, name)
        if record is None:
            project_id = await self._bound_to(reader, name)
            with contextlib.suppress(NoKeyError):
                await self._delete_at(reader, project_id, name)
        else:
            self._check(reader, record.client_id, name)
            for copy in record.copies:
                with contextlib.suppress(ServiceError):
                    await self._delete_at(reader, copy.project_id, copy.name)
            with contextlib.suppress(NoKeyError):
                await self._delete_at(reader, record.project_id, name)
            if not await self.store.drop(record):
                # Who has dropped it unbinds it; by now the name may be another file's.
                return
        await self.pool.unbind(reader.pool, name)

    @contextlib.asynccontextmanager
    async def download(self, reader: Reader, name: str) -> AsyncIterator[Bytes]:
        """Open a file's bytes for the length of the block: those kept, else Google's.

        Raises:
            FileUnknownError: There is none, or it is another client's.
            UpstreamRefusedError: Google does not give it away.
        """
        record = await self.store.read(reader.pool, name)
        if record is None:
            project_id = await self._bound_to(reader, name)
        else:
            self._check(reader, record.client_id, name)
            project_id = record.project_id
            if kept := await self._kept(record):
                try:
                    yield kept
                finally:
                    await kept.close()
                return
        opened = await self.asking.open(
            reader.needs(project_id), lambda lease: self.wire.download(lease, name)
        )
        if isinstance(opened, Reply):
            raise _refusal(opened)
        lease, started_at, found = opened
        outcome = Outcome.ABANDONED
        try:
            try:
                yield found
                outcome = Outcome.SUCCEEDED
            finally:
                await found.close()
        except UnansweredError:
            raise UpstreamUnavailableError from None
        finally:
            with contextlib.suppress(ServiceError):
                await self.pool.settle(lease, outcome, started_at=started_at)

    async def _kept(self, record: FileRecord) -> Bytes | None:
        if self.kept is None or record.kept is None:
            return None
        try:
            return await self.kept.open(record, record.kept)
        except ObjectStoreError as error:
            log.warning("kept bytes cannot be read", error=str(error))
            return None

    def _check(self, reader: Reader, owner: str, name: str) -> None:
        if self.is_isolated and owner != reader.client_id:
            raise FileUnknownError(name)

    async def _bound_to(self, reader: Reader, name: str) -> str:
        """Return the project of a file that has no record, such as one that a model made."""
        owner = await self.pool.owner_of(reader.pool, name)
        if owner is None:
            raise FileUnknownError(name)
        self._check(reader, owner.client_id, name)
        return owner.project_id

    async def _generated(self, reader: Reader, name: str) -> FileRecord:
        project_id = await self._bound_to(reader, name)
        need = reader.needs(project_id)
        reply = await self.asking.ask(need, lambda lease: self.wire.get(lease, name))
        described = read_description(reply.body) if reply.is_ok else None
        record = described and record_of(
            {"name": name, **described},
            client_id=reader.client_id,
            pool=reader.pool,
            project_id=project_id,
            now=datetime.now(UTC),
        )
        if not record:
            raise FileUnknownError(name)
        return record

    async def _refreshed(self, record: FileRecord) -> FileRecord:
        need = Reader(record.client_id, record.pool).needs(record.project_id)
        reply = await self.asking.ask(need, lambda lease: self.wire.get(lease, record.name))
        described = read_description(reply.body) if reply.is_ok else None
        found = described and record_of(
            described,
            client_id=record.client_id,
            pool=record.pool,
            project_id=record.project_id,
            now=record.create_time,
        )
        if not found or found.name != record.name:
            return record
        fresh = replace(
            found,
            copies=record.copies,
            kept=record.kept,
            purpose=record.purpose,
            generation=record.generation,
        )
        if fresh.upstream != record.upstream:
            await self.store.change(fresh)
        return fresh

    async def _delete_at(self, reader: Reader, project_id: str, name: str) -> None:
        need = reader.needs(project_id)
        reply = await self.asking.ask(need, lambda lease: self.wire.delete(lease, name))
        if not reply.is_ok and reply.status not in GONE:
            raise _refusal(reply)


def _refusal(reply: Reply) -> ServiceError:
    if reply.status in {408, 429} or reply.status >= 500:
        return UpstreamUnavailableError()
    return UpstreamRefusedError(reply.status, reply.body.decode("utf-8", "replace"))
