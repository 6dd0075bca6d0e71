"""Keeping the parts of a file sealed, and giving them back."""

import asyncio
import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.files import memory
from services.files.keeping.breaker import Breaker
from services.files.keeping.manifest import Manifest, new_kept_id
from services.files.keeping.object_store import ObjectStore, ObjectStoreError
from services.kit.vault import UnreadableError, Vault

_NONCE = 12
_TAG = 16
_DATA_KEY_BITS = 256
PUTS = 2
"""Parts that are put at a time: each is memory of its own while it is."""

_SECONDS = 30.0
_REST_SECONDS = 30.0
"""So long nothing is put into a store that has hung."""


class Keeper:
    """Keeps parts of files, each file under a data key of its own.

    A part is bound to its file and its place, so that nobody who can write to the store can
    pass one part off as another. All methods raise `ObjectStoreError`.
    """

    def __init__(self, store: ObjectStore, vault: Vault, *, seconds: float = _SECONDS) -> None:
        """Take where the parts go, and what seals the data keys.

        Args:
            store: Where the parts go.
            vault: Seals the data keys.
            seconds: How long keeping a part may take, and fetching it.
        """
        self._store = store
        self._seconds = seconds
        self._breaker = Breaker(_REST_SECONDS)
        self._vault = vault
        self._puts = asyncio.Semaphore(PUTS)

    def begin(self, part_size: int) -> Manifest:
        """Return the manifest of a file of which nothing is kept yet.

        Args:
            part_size: Bytes of each part but the last.
        """
        kept_id = new_kept_id()
        key = AESGCM.generate_key(_DATA_KEY_BITS)
        sealed = self._vault.seal(base64.b64encode(key).decode(), _owner(kept_id))
        return Manifest(kept_id, sealed, part_size)

    async def put(self, manifest: Manifest, start: int, content: bytes | memoryview) -> None:
        """Keep the part that begins at an offset; the same part may be kept again."""
        name = manifest.object_name(start)
        cipher = self._cipher(manifest)
        self._breaker.check()
        try:
            # The turn counts too: behind a store that hangs it never comes.
            async with asyncio.timeout(self._seconds), self._puts:
                self._breaker.check()
                sealed = await asyncio.to_thread(_seal, cipher, name, content)
                await self._store.put(name, sealed)
        except TimeoutError as error:
            self._breaker.trip()
            raise ObjectStoreError(f"took no part within {self._seconds:g} s") from error

    async def get(self, manifest: Manifest, start: int) -> memoryview:
        """Return the part that begins at an offset.

        Raises:
            ObjectMissingError: It is not there.
        """
        name = manifest.object_name(start)
        cipher = self._cipher(manifest)
        try:
            async with asyncio.timeout(self._seconds):
                sealed = await self._store.get(name)
        except TimeoutError as error:
            raise ObjectStoreError(f"gave no part within {self._seconds:g} s") from error
        try:
            return await asyncio.to_thread(_unseal, cipher, name, sealed)
        except (InvalidTag, ValueError) as error:
            raise ObjectStoreError("a kept part was changed") from error

    async def drop(self, kept_id: str) -> None:
        """Drop all that is kept of a file."""
        await self._store.drop(kept_id)

    def _cipher(self, manifest: Manifest) -> AESGCM:
        try:
            key = self._vault.unseal(manifest.sealed_key, _owner(manifest.kept_id))
        except UnreadableError as error:
            raise ObjectStoreError("was sealed with another ENCRYPTION_KEY") from error
        return AESGCM(base64.b64decode(key))


def _owner(kept_id: str) -> str:
    return f"kept/{kept_id}"


def _seal(cipher: AESGCM, name: str, content: bytes | memoryview) -> memoryview:
    sealed = memory.take(len(content) + _NONCE + _TAG)
    sealed[:_NONCE] = os.urandom(_NONCE)
    cipher.encrypt_into(sealed[:_NONCE], content, name.encode(), sealed[_NONCE:])
    return sealed


def _unseal(cipher: AESGCM, name: str, sealed: bytes | memoryview) -> memoryview:
    view = memoryview(sealed)
    content = memory.take(max(0, len(view) - _NONCE - _TAG))
    cipher.decrypt_into(view[:_NONCE], view[_NONCE:], name.encode(), content)
    return content
