"""The kept bytes of a file, on their way to whoever downloads it."""

import base64
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from services.files.budget import Budget
from services.files.errors import KeptBytesUnavailableError
from services.files.keeping.keeper import Keeper
from services.files.keeping.manifest import Manifest
from services.files.keeping.object_store import ObjectStoreError
from services.files.keeping.part_reader import PartReader
from services.files.records import FileRecord, text_of
from services.kit.logs import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class KeptFiles:
    """Opens kept files.

    Attributes:
        keeper: Has the bytes.
        budget: Memory for parts on their way, shared by all who read.
    """

    keeper: Keeper
    budget: Budget

    async def open(self, record: FileRecord, kept: Manifest) -> "KeptBytes":
        """Return the bytes of a file whose first ones are there.

        Raises:
            ObjectStoreError: They are not.
        """
        found = KeptBytes(record, kept, self.budget, PartReader(self.keeper, kept))
        await found.begin()
        return found


class KeptBytes:
    """See `Bytes`. Holds one part in memory."""

    def __init__(
        self, record: FileRecord, kept: Manifest, budget: Budget, reader: PartReader
    ) -> None:
        """Read nothing yet."""
        described = record.description
        self.mime_type = text_of(described, "mimeType")
        self.size = kept.size
        self._told = text_of(described, "sha256Hash")
        self._kept = kept
        self._budget = budget
        self._share = 0
        self._reader = reader

    async def begin(self) -> None:
        """Fetch the first part.

        Raises:
            ObjectStoreError: It cannot be had.
        """
        self._share = await self._budget.take(self._kept.part_size)
        try:
            await self._reader.read(0, min(1, self.size))
        except BaseException:
            await self.close()
            raise

    async def pieces(self) -> AsyncIterator[memoryview]:
        """Yield part by part.

        Raises:
            KeptBytesUnavailableError: The rest cannot be had, or is not what Google was given.
        """
        digest = hashlib.sha256()
        try:
            for part in self._kept.parts:
                piece = await self._reader.read(part.start, part.size)
                digest.update(piece)
                yield piece
        except ObjectStoreError as error:
            log.warning("kept bytes cannot be read", error=str(error))
            raise KeptBytesUnavailableError from error
        # Google's answers hold the digest itself, or its hexadecimal form.
        forms = (digest.digest(), digest.hexdigest().encode())
        if self._told and self._told not in {base64.b64encode(form).decode() for form in forms}:
            log.warning("kept bytes are not those of their file")
            raise KeptBytesUnavailableError

    async def close(self) -> None:
        """Let the memory go."""
        await self._reader.close()
        share, self._share = self._share, 0
        self._budget.give_back(share)
