"""Finding out whether keys share a project: a file made with one is read with the other."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from enum import Enum

from services.judging import Fault, Operation
from services.keypool.catalog import KeyRow, KeyState
from services.keypool.key_secrets import KeySecrets
from services.keypool.model import VERTEX_POOL
from services.keypool.probing import KeyInHand, ProbeAnswer, UpstreamProbe
from services.keypool.project_store import Project
from services.keypool.store import KeyStore
from services.keypool.verifying import take_in_hand
from services.kit.logs import get_logger
from services.kit.vault import UnreadableError

log = get_logger(__name__)

_TRIED_KEYS = 16
_DELETE_SECONDS = 20.0


class Likeness(Enum):
    """What a comparison showed."""

    SAME = "same"
    OTHER = "other"
    UNKNOWN = "unknown"


class Comparing:
    """Compares keys by tiny files, which it deletes again. Uses no quota of any model."""

    def __init__(self, keys: KeyStore, secrets: KeySecrets, probe: UpstreamProbe) -> None:
        """Work on keys with a way to the upstream."""
        self._keys = keys
        self._secrets = secrets
        self._probe = probe

    async def compare(self, one: Project, other: Project) -> Likeness:
        """Tell whether two projects are one at the upstream."""
        first, second = await self.key_of(one), await self.key_of(other)
        if first is None or second is None:
            return Likeness.UNKNOWN
        async with self.file_of(first) as name:
            return await self.reads(second, name) if name else Likeness.UNKNOWN

    async def key_of(self, project: Project) -> KeyInHand | None:
        """Return a key of a project that can be used, None when there is none."""
        rows = await self._keys.get_many(project.key_ids[:_TRIED_KEYS])
        return self.first_usable([row for row in rows if row is not None])

    def first_usable(self, rows: Sequence[KeyRow]) -> KeyInHand | None:
        """Return the first of some keys that can be used. Vertex express has no files."""
        for row in rows:
            if row.state == KeyState.ACTIVE.value and row.pool != VERTEX_POOL:
                with contextlib.suppress(UnreadableError):
                    return take_in_hand(row, self._secrets)
        return None

    @contextlib.asynccontextmanager
    async def file_of(self, key: KeyInHand) -> AsyncIterator[str]:
        """Make a file for the length of the block and yield its name, empty when it failed."""
        _, name = await self._probe.upload_file(key)
        try:
            yield name
        finally:
            await self.delete_all([(key, name)] if name else [])

    async def make_file(self, key: KeyInHand) -> tuple[ProbeAnswer, str]:
        """Make a file that the caller deletes, and return its name, empty when it failed."""
        return await self._probe.upload_file(key)

    async def reads(self, key: KeyInHand, name: str) -> Likeness:
        """Tell whether a key belongs to the project that made a file."""
        answer = await self._probe.read_file(key, name)
        if answer.is_ok:
            return Likeness.SAME
        # Google says the same of files of others and of files that never were.
        is_foreign = answer.status in {403, 404} and (
            answer.verdict(Operation.READ).fault is Fault.REQUEST
        )
        return Likeness.OTHER if is_foreign else Likeness.UNKNOWN

    async def delete_all(self, files: Sequence[tuple[KeyInHand, str]]) -> None:
        """Delete files, also while the caller is being cancelled; Google forgets them anyway."""
        deleting = asyncio.gather(*(self._probe.delete_file(key, name) for key, name in files))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(deleting), _DELETE_SECONDS)
