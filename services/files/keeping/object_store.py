"""Where kept objects lie: a folder, S3 or GCS, all through one library."""

import asyncio
import os
import re
import secrets
import shutil
from datetime import timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

_SCHEMES = frozenset({"file", "s3", "gs"})
_TIMEOUT = timedelta(seconds=30)
_RETRY_TIMEOUT = timedelta(seconds=20)


class ObjectStoreError(Exception):
    """The store of bytes did not do its work; the text says what it said, without secrets."""


class ObjectMissingError(ObjectStoreError):
    """There is no such object."""


class ObjectStore(Protocol):
    """Keeps objects by name.

    All methods raise `ObjectStoreError` when the store is away. A write that is cancelled may
    or may not have happened; writing the same name again replaces the object.
    """

    async def put(self, name: str, content: bytes | memoryview) -> None:
        """Keep an object."""

    async def get(self, name: str) -> bytes | memoryview:
        """Return an object; raises ObjectMissingError when there is none."""

    async def drop(self, folder: str) -> None:
        """Drop all objects whose names begin with a folder; none at all is no error."""


def check_store_url(url: str) -> str:
    """Return the URL of a store if it can be one.

    Raises:
        ValueError: It cannot; the message never quotes the URL, which may hold a secret.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ValueError("cannot be read as a URL") from None
    if parts.scheme not in _SCHEMES:
        raise ValueError("must begin with file://, s3:// or gs://")
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/") or parts.path == "/":
            raise ValueError("must be file:// and the absolute path of a folder")
        if os.environ.get("KUBERNETES_SERVICE_HOST"):
            raise ValueError("must not be a folder in a pod: other replicas cannot read it")
    elif not parts.netloc:
        raise ValueError("must name a bucket")
    elif parts.username or parts.password or parts.query:
        raise ValueError(
            "must hold no credentials: they come from the usual variables of the cloud's own tools"
        )
    return url


async def open_object_store(url: str) -> "ObstoreStore":
    """Return the store behind a URL; a folder is made and tried, a bucket not connected yet.

    Raises:
        ValueError: See `check_store_url`.
        ObjectStoreError: The folder cannot be made or written.
    """
    check_store_url(url)
    try:
        if url.startswith("file://"):
            store = FolderStore(from_url(url, mkdir=True), Path(url2pathname(urlsplit(url).path)))
            await store.try_out()
            return store
        return ObstoreStore(
            from_url(
                url,
                # Plain HTTP only where the operator's own endpoint says so; what goes is sealed.
                client_options={"timeout": _TIMEOUT, "allow_http": True},
                retry_config={"max_retries": 5, "retry_timeout": _RETRY_TIMEOUT},
            )
        )
    except (BaseError, OSError) as error:
        raise ObjectStoreError(_told(error)) from error


class ObstoreStore:
    """See `ObjectStore`."""

    def __init__(self, store: "obstore.store.ObjectStore") -> None:
        """Work on a store of the library."""
        self._store = store

    async def put(self, name: str, content: bytes | memoryview) -> None:
        """See `ObjectStore.put`."""
        try:
            await obstore.put_async(self._store, name, content, use_multipart=False)
        except (BaseError, OSError) as error:
            raise ObjectStoreError(_told(error)) from error

    async def get(self, name: str) -> bytes | memoryview:
        """See `ObjectStore.get`."""
        try:
            found = await obstore.get_async(self._store, name)
            return memoryview(await found.bytes_async())
        except FileNotFoundError as error:
            raise ObjectMissingError("no such object") from error
        except (BaseError, OSError) as error:
            raise ObjectStoreError(_told(error)) from error

    async def drop(self, folder: str) -> None:
        """See `ObjectStore.drop`."""
        try:
            async for found in obstore.list(self._store, prefix=folder):
                await obstore.delete_async(self._store, [each["path"] for each in found])
        except FileNotFoundError:
            # Somebody else has dropped it meanwhile, or the next look does.
            return
        except (BaseError, OSError) as error:
            raise ObjectStoreError(_told(error)) from error


class FolderStore(ObstoreStore):
    """A folder of this machine."""

    def __init__(self, store: "obstore.store.ObjectStore", folder: Path) -> None:
        """Work on a folder through the library."""
        super().__init__(store)
        self._folder = folder

    async def try_out(self) -> None:
        """Write an object and drop it.

        Raises:
            ObjectStoreError: That did not work.
        """
        name = f"try-{secrets.token_hex(8)}"
        await self.put(f"{name}/0", b"")
        await self.drop(name)

    async def drop(self, folder: str) -> None:
        """See `ObjectStore.drop`; files that a crash left half written go too."""
        try:
            await asyncio.to_thread(shutil.rmtree, self._folder / folder)
        except FileNotFoundError:
            return
        except OSError as error:
            raise ObjectStoreError(_told(error)) from error


def _told(error: Exception) -> str:
    """Return the first line of an error: the library's further lines print its settings."""
    first = str(error).partition("\n")[0][:200]
    return re.sub(r"(https?://)[^/@\s]*@", r"\1", first)
