"""Keeping what is declared in step with the quota file."""

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.keypool.catalog import KeyRow
from services.keypool.egress import Source, Ways
from services.keypool.key_secrets import KeySecrets
from services.keypool.model import DEFAULT_POOL
from services.keypool.project_store import Filed, QuotaStore
from services.keypool.quota_settings import (
    LARGEST_FILE,
    QuotaFile,
    QuotaFileError,
    parse_quota_file,
)
from services.keypool.store import KeyStore
from services.kit.errors import StoreUnavailableError
from services.kit.logs import get_logger
from services.kit.vault import UnreadableError

log = get_logger(__name__)

_BATCH = 500

_Stamp = tuple[int, int, int]


def read_quota_file(path: Path) -> QuotaFile:
    """Return what the quota file says.

    Raises:
        QuotaFileError: It cannot be read, or says something that cannot be meant.
    """
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise QuotaFileError(f"is longer than {LARGEST_FILE} bytes")
        return parse_quota_file(path.read_text("utf-8"))
    except OSError as error:
        raise QuotaFileError(f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise QuotaFileError("is not text in UTF-8") from error


class Filing:
    """What the quota file says, in the store, for the default pool."""

    def __init__(
        self,
        store: QuotaStore,
        keys: KeyStore,
        secrets: KeySecrets,
        path: Path | None,
        *,
        ways: Ways | None = None,
    ) -> None:
        """Read the file.

        Args:
            store: Where declarations go.
            keys: The keys that groups select.
            secrets: Opens secrets, whose ends groups may name.
            path: The file, None when there is none.
            ways: Told of the ways out that it declares.

        Raises:
            QuotaFileError: It cannot be read, or says something that cannot be meant.
        """
        self._store = store
        self._keys = keys
        self._secrets = secrets
        self._path = path
        self._stamp = _stamp(path)
        self._ways = ways or Ways()
        self._file = read_quota_file(path) if path else QuotaFile.empty()
        self._ways.declare(Source.FILE, self._file.egresses)

    async def apply(self) -> None:
        """Declare what the file says and withdraw what an earlier one said.

        Raises:
            StoreUnavailableError: The store does not answer.
        """
        file = self._file
        filed = Filed(file.quotas, file.tiers, await self._select(file))
        changed, withdrawn = await self._store.apply_file(DEFAULT_POOL, filed)
        if changed or withdrawn:
            log.info("the quota file is in force", changed=changed, withdrawn=withdrawn)

    async def place(self, pool: str, rows: Sequence[KeyRow]) -> bool:
        """Put new keys into the projects that the file declares; tell whether any was moved."""
        if pool != DEFAULT_POOL or not self._file.groups:
            return False
        found = self._projects_of(self._file, rows)
        await self._store.file_keys(pool, found)
        return bool(found)

    async def watch(self, seconds: float) -> None:
        """Look at the file again and again, until cancelled."""
        while self._path is not None:
            await asyncio.sleep(seconds)
            try:
                await self.look()
            except StoreUnavailableError as error:
                log.warning("the changed quota file waits for the store", problem=error.message)

    async def look(self) -> None:
        """Take up a changed file; a bad one changes nothing but the log."""
        stamp = _stamp(self._path)
        if self._path is None or stamp == self._stamp:
            return
        before = self._stamp
        self._stamp = stamp
        try:
            self._file = await asyncio.to_thread(read_quota_file, self._path)
        except QuotaFileError as error:
            log.error("the changed quota file is not used", problem=str(error))  # noqa: TRY400  # the problem is the operator's
            return
        self._ways.declare(Source.FILE, self._file.egresses)
        try:
            await self.apply()
        except BaseException:
            # Another look takes it up again.
            self._stamp = before
            raise

    async def _select(self, file: QuotaFile) -> Mapping[str, str]:
        found: dict[str, str] = {}
        after = ""
        while file.groups and (rows := await self._keys.list_after(DEFAULT_POOL, after, _BATCH)):
            after = rows[-1].key_id
            found |= self._projects_of(file, rows)
        return found

    def _projects_of(self, file: QuotaFile, rows: Sequence[KeyRow]) -> dict[str, str]:
        found = {}
        for row in rows:
            try:
                secret, _ = self._secrets.open_own(row.key_id, row.sealed_secret, row.sealed_proxy)
            except UnreadableError:
                secret = ""
            if project := file.groups.project_of(row.key_id, row.alias, secret):
                found[row.key_id] = project
        return found


def _stamp(path: Path | None) -> _Stamp | None:
    """Return what changes with the file, also where a link is swapped for another."""
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino, status.st_size
