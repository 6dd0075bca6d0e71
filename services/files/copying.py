"""Bringing a file into another project: its kept bytes are uploaded there once more."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from services.files.budget import Budget
from services.files.errors import (
    FileFailedError,
    FileNotStoredError,
    FileProcessingError,
    KeptBytesUnavailableError,
    UpstreamRefusedError,
    UpstreamUnavailableError,
)
from services.files.file_wire import GONE, FileWire
from services.files.holding import Holding
from services.files.keeping.keeper import Keeper
from services.files.keeping.object_store import ObjectMissingError, ObjectStoreError
from services.files.keeping.part_reader import PartReader
from services.files.leases import Need, Outcome
from services.files.opening import Opener
from services.files.records import (
    FileCopy,
    FileRecord,
    FileState,
    read_description,
    record_of,
    text_of,
)
from services.files.sessions import SessionWire, Start, UnansweredError
from services.files.transfer import EndedError, Patience, Transfer
from services.files.uploads import Answer, Session
from services.judging import Evidence, Fault, Operation, Phase, judge
from services.judging.evidence import MAX_BODY
from services.kit.errors import ServiceError
from services.kit.logs import get_logger

log = get_logger(__name__)

_PATH = "upload/v1beta/files"
_FIRST_PAUSE = 0.2
_LONGEST_PAUSE = 3.0
_LOST = 410
_SESSIONS = 2

Note = Callable[[FileCopy | None], Awaitable[None]]
"""Records how far a copy is, None for not at all; raises when it is not wanted any more."""


class BytesDifferError(Exception):
    """What was kept is not what Google was given first."""


@dataclass(frozen=True, slots=True)
class Copier:
    """What bringing a file takes.

    Attributes:
        keeper: Has the bytes.
        opener: Opens sessions at Google.
        wire: Sends bytes there.
        files: Asks how a file stands.
        budget: Memory for bytes on their way.
        patience: How long faults of Google are borne.
        processing_seconds: How long Google is waited for to process a file.
    """

    keeper: Keeper
    opener: Opener
    wire: SessionWire
    files: FileWire
    budget: Budget
    patience: Patience
    processing_seconds: float

    async def bring(
        self, record: FileRecord, project_id: str, begun: FileCopy | None, note: Note
    ) -> FileCopy:
        """Return a copy of a file in a project, once it can be used.

        Args:
            record: The file.
            project_id: Where it is needed.
            begun: A copy that is there already, but was not seen to be usable.
            note: Called whenever it stands otherwise.

        Raises:
            ServiceError: See the contract of `EnsureFile`.
            BytesDifferError: The file cannot be brought anywhere.
        """
        need = Need(record.pool, record.client_id, Operation.SESSION, project_id=project_id)
        if begun is None:
            holding, copy = await self._upload(record, need)
        else:
            holding, copy = await self.opener.hold(need), begun
        outcome = Outcome.ABANDONED
        try:
            if begun is None:
                await self._note(holding, copy, note)
            if not copy.is_active:
                copy = await self._processed(holding, record, copy, note)
                await self._note(holding, copy, note)
            outcome = Outcome.SUCCEEDED
        except (FileProcessingError, FileFailedError):
            outcome = Outcome.SUCCEEDED
            raise
        finally:
            await holding.settle(outcome)
        return copy

    async def _note(self, holding: Holding, copy: FileCopy, note: Note) -> None:
        try:
            await note(copy)
        except ServiceError:
            await self._discard(holding, copy)
            raise

    async def _discard(self, holding: Holding, copy: FileCopy) -> None:
        """Delete a copy of which nobody will know; what stays ends by itself."""
        with contextlib.suppress(UnansweredError):
            await self.files.delete(holding.lease, copy.name)

    async def _upload(self, record: FileRecord, need: Need) -> tuple[Holding, FileCopy]:
        assert record.kept is not None
        described = record.description
        start = Start(_PATH, _body(described), text_of(described, "mimeType"), record.kept.size)
        for left in range(_SESSIONS - 1, -1, -1):
            try:
                holding, session = await self.opener.start(need, start, is_movable=False)
            except EndedError as ended:
                raise _refused(ended.answer) from None
            outcome, copy = Outcome.ABANDONED, None
            try:
                copy = await self._checked(holding, await self._send(session, record), record)
            except EndedError as ended:
                outcome = Outcome.SUCCEEDED
                if not left or ended.answer.status != _LOST:
                    raise _refused(ended.answer) from None
            finally:
                if copy is None:
                    await holding.settle(outcome)
            if copy is not None:
                return holding, copy
        raise AssertionError("the last session has brought it or not")

    async def _send(self, session: Session, record: FileRecord) -> Answer:
        kept = record.kept
        assert kept is not None
        transfer = Transfer(self.wire, session, self.patience)
        # A part, the one after it, and what spans both.
        share = await self.budget.take(2 * kept.part_size + session.granule)
        reader = PartReader(self.keeper, kept, is_ahead=True)
        try:
            at = 0
            while kept.size - at > session.granule:
                at = await transfer.put(at, await reader.read(at, session.granule))
            return await transfer.finish(at, await reader.read(at, kept.size - at))
        except ObjectMissingError:
            raise FileNotStoredError(record.name) from None
        except ObjectStoreError as error:
            log.warning("kept bytes cannot be read", error=str(error))
            raise KeptBytesUnavailableError from error
        finally:
            await reader.close()
            self.budget.give_back(share)

    async def _checked(self, holding: Holding, answer: Answer, record: FileRecord) -> FileCopy:
        """Return the copy of Google's answer, if it holds the same bytes."""
        described = (read_description(answer.body) or {}).get("file")
        made = _read(described, record, holding.lease.project_id)
        if made is None:
            raise UpstreamUnavailableError
        copy = _copy_of(made)
        first, second = (text_of(each.description, "sha256Hash") for each in (record, made))
        if first and second and first != second:
            await self._discard(holding, copy)
            raise BytesDifferError
        return copy

    async def _processed(
        self, holding: Holding, record: FileRecord, copy: FileCopy, note: Note
    ) -> FileCopy:
        """Wait until Google has processed a copy."""
        until = time.monotonic() + self.processing_seconds
        pause = _FIRST_PAUSE
        while time.monotonic() + pause < until:
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE)
            try:
                reply = await self.files.get(holding.lease, copy.name)
            except UnansweredError:
                continue
            if reply.is_transient:
                continue
            if not reply.is_ok:
                evidence = Evidence(
                    Phase.ANSWERED, Operation.READ, reply.status, reply.body[:MAX_BODY]
                )
                if reply.status in GONE and judge(evidence).fault is Fault.REQUEST:
                    await note(None)
                else:
                    await holding.settle(Outcome.FAILED, evidence)
                raise UpstreamUnavailableError
            found = _read(read_description(reply.body), record, copy.project_id)
            if found is None:
                raise UpstreamUnavailableError
            if found.state is FileState.FAILED:
                await note(None)
                await self._discard(holding, copy)
                raise FileFailedError(record.name)
            if found.state is FileState.ACTIVE:
                return _copy_of(found)
        raise FileProcessingError(record.name)


def _body(described: dict[str, Any]) -> bytes:
    """Return the body of a start: the same file, under a name that Google chooses."""
    fields = ("displayName", "mimeType")
    told = {name: text for name in fields if (text := text_of(described, name))}
    return orjson.dumps({"file": told})


def _read(described: Any, record: FileRecord, project_id: str) -> FileRecord | None:
    if not isinstance(described, dict):
        return None
    return record_of(
        described,
        client_id=record.client_id,
        pool=record.pool,
        project_id=project_id,
        now=datetime.now(UTC),
    )


def _copy_of(made: FileRecord) -> FileCopy:
    return FileCopy(
        made.project_id,
        made.name,
        text_of(made.description, "uri"),
        made.expire_time,
        is_active=made.state is FileState.ACTIVE,
    )


def _refused(answer: Answer) -> ServiceError:
    return UpstreamRefusedError(answer.status, answer.body.decode("utf-8", "replace"))
