"""Where kept objects lie: a folder, S3 or GCS, all through one library."""

import importlib
import os
import re
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from urllib.request import url2pathname

_SCHEMES = frozenset({"file", "s3", "gs"})


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


async def open_object_store(url: str) -> ObjectStore:
    """Return the store behind a URL; a folder is made and tried, a bucket not connected yet.

    Raises:
        ValueError: See `check_store_url`.
        ObjectStoreError: The folder cannot be made or written.
    """
    check_store_url(url)
    # Only what is asked for is loaded: the library is 9 MB.
    if url.startswith("file://"):
        folder = importlib.import_module("services.files.keeping.folder_store")
        store: ObjectStore = await folder.open_folder(Path(url2pathname(urlsplit(url).path)))
        return store
    bucket = importlib.import_module("services.files.keeping.obstore_store")
    opened: ObjectStore = bucket.open_bucket(url)
    return opened


def store_failure(error: Exception) -> ObjectStoreError:
    """Return what went wrong in the words of the store."""
    # The library's further lines print its settings.
    first = str(error).partition("\n")[0][:200]
    return ObjectStoreError(re.sub(r"(https?://)[^/@\s]*@", r"\1", first))
