"""Objects in a folder, S3 or GCS, all through one library."""

from datetime import timedelta
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore, from_url

from services.files.keeping.object_store import ObjectMissingError, store_failure

_TIMEOUT = timedelta(seconds=30)
_RETRY_TIMEOUT = timedelta(seconds=20)


def open_bucket(url: str) -> "ObstoreStore":
    """Return the store of a bucket, not connected yet.

    Raises:
        ObjectStoreError: The library refuses its URL.
    """
    try:
        return ObstoreStore(
            from_url(
                url,
                # Plain HTTP only where the operator's own endpoint says so; what goes is sealed.
                client_options={"timeout": _TIMEOUT, "allow_http": True},
                retry_config={"max_retries": 5, "retry_timeout": _RETRY_TIMEOUT},
            )
        )
    except (BaseError, OSError) as error:
        raise store_failure(error) from error


def open_local(folder: Path) -> "ObstoreStore":
    """Return the store of a folder, which is made when it is gone.

    Raises:
        ObjectStoreError: It cannot be made.
    """
    try:
        return ObstoreStore(LocalStore(folder, mkdir=True))
    except (BaseError, OSError) as error:
        raise store_failure(error) from error


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
            raise store_failure(error) from error

    async def get(self, name: str) -> bytes | memoryview:
        """See `ObjectStore.get`."""
        try:
            found = await obstore.get_async(self._store, name)
            return memoryview(await found.bytes_async())
        except FileNotFoundError as error:
            raise ObjectMissingError("no such object") from error
        except (BaseError, OSError) as error:
            raise store_failure(error) from error

    async def drop(self, folder: str) -> None:
        """See `ObjectStore.drop`."""
        try:
            async for found in obstore.list(self._store, prefix=folder):
                await obstore.delete_async(self._store, [each["path"] for each in found])
        except FileNotFoundError:
            # Somebody else has dropped it meanwhile, or the next look does.
            return
        except (BaseError, OSError) as error:
            raise store_failure(error) from error
