"""Objects in a folder of this machine."""

import asyncio
import importlib
import secrets
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from services.files.keeping.object_store import store_failure

if TYPE_CHECKING:
    from services.files.keeping.obstore_store import ObstoreStore


async def open_folder(folder: Path) -> "FolderStore":
    """Return the store of a folder that has been made and tried.

    Raises:
        ObjectStoreError: It cannot be made or written.
    """
    try:
        await asyncio.to_thread(_try_out, folder)
    except OSError as error:
        raise store_failure(error) from error
    return FolderStore(folder)


class FolderStore:
    """See `ObjectStore`; the library is loaded when the first object comes."""

    def __init__(self, folder: Path) -> None:
        """Work on a folder."""
        self._folder = folder
        self._opened: ObstoreStore | None = None

    async def put(self, name: str, content: bytes | memoryview) -> None:
        """See `ObjectStore.put`."""
        await (await self._library()).put(name, content)

    async def get(self, name: str) -> bytes | memoryview:
        """See `ObjectStore.get`."""
        return await (await self._library()).get(name)

    async def drop(self, folder: str) -> None:
        """See `ObjectStore.drop`; files that a crash left half written go too."""
        try:
            await asyncio.to_thread(shutil.rmtree, self._folder / folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise store_failure(error) from error

    async def _library(self) -> "ObstoreStore":
        if self._opened is None:
            # In a thread, so that other uploads go on meanwhile.
            self._opened = await asyncio.to_thread(_open, self._folder)
        return self._opened


def _open(folder: Path) -> "ObstoreStore":
    library = importlib.import_module("services.files.keeping.obstore_store")
    store: ObstoreStore = library.open_local(folder)
    return store


def _try_out(folder: Path) -> None:
    probe = folder / f"try-{secrets.token_hex(8)}"
    probe.mkdir(parents=True)
    (probe / "0").write_bytes(b"")
    shutil.rmtree(probe)
