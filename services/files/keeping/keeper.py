"""Keeping the parts of a file sealed, and giving them back."""

import asyncio
import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.files.keeping.manifest import Manifest, new_kept_id
from services.files.keeping.object_store import ObjectStore, ObjectStoreError
from services.kit.vault import UnreadableError, Vault

_NONCE = 12
_DATA_KEY_BITS = 256
_PUTS = 4
_PUT_SECONDS = 30.0


class Keeper:
    """Keeps parts of files, each file under a data key of its own.

    A part is bound to its file and its place, so that nobody who can write to the store can
    pass one part off as another. All methods raise `ObjectStoreError`.
    """

    def __init__(self, store: ObjectStore, vault: Vault) -> None:
        """Take where the parts go, and what seals the data keys."""
        self._store = store
        self._vault = vault
        # A sealed part is memory that no budget knows.
        self._puts = asyncio.Semaphore(_PUTS)

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
        async with self._puts:
            sealed = await asyncio.to_thread(_seal, cipher, name, content)
            try:
                async with asyncio.timeout(_PUT_SECONDS):
                    await self._store.put(name, sealed)
            except TimeoutError as error:
                raise ObjectStoreError(f"took no part within {_PUT_SECONDS:g} s") from error

    async def get(self, manifest: Manifest, start: int) -> bytes:
        """Return the part that begins at an offset.

        Raises:
            ObjectMissingError: It is not there.
        """
        name = manifest.object_name(start)
        cipher = self._cipher(manifest)
        sealed = await self._store.get(name)
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


def _seal(cipher: AESGCM, name: str, content: bytes | memoryview) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + cipher.encrypt(nonce, content, name.encode())


def _unseal(cipher: AESGCM, name: str, sealed: bytes) -> bytes:
    view = memoryview(sealed)
    return cipher.decrypt(view[:_NONCE], view[_NONCE:], name.encode())
