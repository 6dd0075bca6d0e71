"""Opening a session at Google, and going on with one that is open."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from services.files.errors import KeypoolUnavailableError, NoKeyError
from services.files.leases import Lease, Need
from services.files.opening import Opener
from services.files.safekeeping import Safekeeping
from services.files.uploads import Session, Upload, UploadOrder, UploadState
from tests.support.memory_pool import MemoryPool
from tests.support.memory_uploads import MemoryUploads
from tests.support.scripted_google import ScriptedGoogle

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ORDER = UploadOrder("ada", "default", "upload/v1beta/files", b"")
OPEN = Upload(
    "key", ORDER, UploadState.ACTIVE, 0, 0, NOW, NOW, project_id="p", session=Session("/", "", 8)
)


class Broken(MemoryPool):
    """A pool that gives no lease: with an error, or by never answering."""

    def __init__(self, error: Exception | None) -> None:
        super().__init__()
        self._error = error

    async def acquire(self, need: Need) -> Lease:
        if self._error is None:
            await asyncio.Event().wait()
        assert self._error is not None
        raise self._error


@pytest.mark.parametrize("error", [NoKeyError("none"), KeypoolUnavailableError(), None])
async def test_an_open_session_waits_for_no_key(error: Exception | None) -> None:
    store = MemoryUploads()
    google = ScriptedGoogle(granule=8, keeps=8)
    opener = Opener(Broken(error), google, store, Safekeeping(None, store), 3, timedelta(minutes=5))

    async with asyncio.timeout(10):
        assert await opener.resume(OPEN) is None
