"""Files that were made: read, listed, deleted, downloaded; each by its owner alone."""

import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from services.files.errors import (
    FileUnknownError,
    NoKeyError,
    UpstreamRefusedError,
    UpstreamUnavailableError,
)
from services.files.file_wire import GONE, Bytes, FileWire
from services.files.keeping.object_store import ObjectStoreError
from services.files.kept_bytes import KeptFiles
from services.files.leases import KeyPool, Lease, Need, Outcome
from services.files.records import FileRecord, FileState, read_description, record_of
from services.files.sessions import Reply, UnansweredError
from services.files.store import FileStore
from services.judging import Evidence, Operation, Phase, Retry, judge
from services.judging.evidence import MAX_BODY
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


@dataclass(frozen=True, slots=True)
class FileBook:
    """What calls about files take.

    Attributes:
        store: Where records are kept.
        pool: The key pool.
        wire: The way to Google.
        kept: Opens kept bytes; None when none are kept.
        is_isolated: Whether clients of a pool see their own files alone.
        max_retries: Tries with other keys after the first.
    """

    store: FileStore
    pool: KeyPool
    wire: FileWire
    kept: KeptFiles | None
    is_isolated: bool
    max_retries: int

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
            await self.store.drop(record)
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
        lease, started_at, found = await self._opened(reader, project_id, name)
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

    async def _opened(
        self, reader: Reader, project_id: str, name: str
    ) -> tuple[Lease, float, Bytes]:
        """Open Google's bytes, with another key if one was to blame; the lease is in use.

        Raises:
            UpstreamUnavailableError: No key brought an answer.
            UpstreamRefusedError: Google does not give it away.
        """
        need = Need(reader.pool, reader.client_id, Operation.READ, project_id=project_id)
        for left in range(self.max_retries, -1, -1):
            lease = await self.pool.acquire(need)
            started_at = time.time()
            try:
                found: Bytes | Reply = await self.wire.download(lease, name)
                if not isinstance(found, Reply):
                    return lease, started_at, found
                body = found.body[:MAX_BODY]
                evidence = Evidence(Phase.ANSWERED, Operation.READ, found.status, body)
            except UnansweredError as error:
                phase = Phase.SENT if error.was_sent else Phase.CONNECT
                evidence = Evidence(phase, Operation.READ)
                found = Reply(503)
            except BaseException:
                with contextlib.suppress(ServiceError):
                    await self.pool.settle(lease, Outcome.ABANDONED, started_at=started_at)
                raise
            with contextlib.suppress(ServiceError):
                await self.pool.settle(
                    lease, Outcome.FAILED, started_at=started_at, evidence=evidence
                )
            retry = judge(evidence).retry
            if not left or retry is Retry.NEVER:
                raise _refusal(found)
            if retry is not Retry.OTHER_PROJECT_ONCE:
                need = replace(need, excluded_keys=(*need.excluded_keys, lease.key_id))
        raise UpstreamUnavailableError

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
        reply = await self._ask(reader, project_id, lambda lease: self.wire.get(lease, name))
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
        reader = Reader(record.client_id, record.pool)
        reply = await self._ask(
            reader, record.project_id, lambda lease: self.wire.get(lease, record.name)
        )
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
        fresh = replace(found, copies=record.copies, kept=record.kept)
        if fresh.upstream != record.upstream:
            await self.store.change(fresh)
        return fresh

    async def _delete_at(self, reader: Reader, project_id: str, name: str) -> None:
        reply = await self._ask(reader, project_id, lambda lease: self.wire.delete(lease, name))
        if not reply.is_ok and reply.status not in GONE:
            raise _refusal(reply)

    async def _ask(
        self, reader: Reader, project_id: str, call: Callable[[Lease], Awaitable[Reply]]
    ) -> Reply:
        """Make a call with a key of a project, and with another one if that was to blame.

        Raises:
            UpstreamUnavailableError: No key brought an answer.
        """
        need = Need(reader.pool, reader.client_id, Operation.READ, project_id=project_id)
        for left in range(self.max_retries, -1, -1):
            lease = await self.pool.acquire(need)
            started_at = time.time()
            outcome, evidence = Outcome.ABANDONED, None
            try:
                reply = await call(lease)
                outcome = Outcome.SUCCEEDED
                if not reply.is_ok:
                    evidence = Evidence(
                        Phase.ANSWERED, Operation.READ, reply.status, reply.body[:MAX_BODY]
                    )
            except UnansweredError as error:
                phase = Phase.SENT if error.was_sent else Phase.CONNECT
                evidence = Evidence(phase, Operation.READ)
                reply = Reply(503)
            finally:
                if evidence is not None:
                    outcome = Outcome.FAILED
                with contextlib.suppress(ServiceError):
                    await self.pool.settle(lease, outcome, started_at=started_at, evidence=evidence)
            if evidence is None or judge(evidence).retry is Retry.NEVER:
                return reply
            if left:
                need = replace(need, excluded_keys=(*need.excluded_keys, lease.key_id))
                try_again = judge(evidence).retry
                if try_again is Retry.OTHER_PROJECT_ONCE:
                    need = replace(need, excluded_keys=())
        raise UpstreamUnavailableError


def _refusal(reply: Reply) -> ServiceError:
    if reply.status in {408, 429} or reply.status >= 500:
        return UpstreamUnavailableError()
    return UpstreamRefusedError(reply.status, reply.body.decode("utf-8", "replace"))
