"""Keeping the parts of a file sealed, and giving them back."""

import asyncio
import base64
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from services.files.keeping.manifest import Manifest, new_kept_id
from services.files.keeping.object_store import ObjectStore, ObjectStoreError
from services.kit.vault import Vault

_NONCE = 12
_DATA_KEY_BITS = 256


class Keeper:
    """Keeps parts of files, each file under a data key of its own.

    A part is bound to its file and its number, so that nobody who can write to the store can
    pass one part off as another.
    """

    def __init__(self, store: ObjectStore, vault: Vault) -> None:
        """Take where the parts go, and what seals the data keys."""
        self._store = store
        self._vault = vault

    def begin(self, part_size: int) -> Manifest:
        """Return the manifest of a file of which nothing is kept yet.

        Args:
            part_size: Bytes of each part but the last.
        """
        kept_id = new_kept_id()
        key = AESGCM.generate_key(_DATA_KEY_BITS)
        sealed = self._vault.seal(base64.b64encode(key).decode(), _owner(kept_id))
        return Manifest(kept_id, sealed, part_size)

    async def put(self, manifest: Manifest, part: int, content: bytes | memoryview) -> None:
        """Keep a part; the same part may be kept again.

        Raises:
            ObjectStoreError: It was not kept.
            UnreadableError: The data key cannot be opened here.
        """
        name = manifest.object_name(part)
        cipher = self._cipher(manifest)
        sealed = await asyncio.to_thread(_seal, cipher, name, content)
        await self._store.put(name, sealed)

    async def get(self, manifest: Manifest, part: int) -> bytes:
        """Return a part.

        Raises:
            ObjectStoreError: It is not there, or was changed.
            UnreadableError: The data key cannot be opened here.
        """
        name = manifest.object_name(part)
        cipher = self._cipher(manifest)
        sealed = await self._store.get(name)
        try:
            return await asyncio.to_thread(
                cipher.decrypt, sealed[:_NONCE], sealed[_NONCE:], name.encode()
            )
        except (InvalidTag, ValueError) as error:
            raise ObjectStoreError("a kept part was changed") from error

    async def drop(self, manifest: Manifest, parts: int | None = None) -> None:
        """Drop what is kept of a file.

        Args:
            manifest: The file's.
            parts: How many parts may exist, when that is more than the manifest knows.

        Raises:
            ObjectStoreError: Some may be left.
        """
        most = manifest.parts if parts is None else parts
        await self._store.delete([manifest.object_name(part) for part in range(most)])

    def _cipher(self, manifest: Manifest) -> AESGCM:
        key = self._vault.unseal(manifest.sealed_key, _owner(manifest.kept_id))
        return AESGCM(base64.b64decode(key))


def _owner(kept_id: str) -> str:
    return f"kept/{kept_id}"


def _seal(cipher: AESGCM, name: str, content: bytes | memoryview) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + cipher.encrypt(nonce, content, name.encode())
