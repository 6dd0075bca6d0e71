"""Sealing of secrets at rest with the key-encryption key."""

import base64
import binascii
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

SHORTEST_TEXT = 16

_NONCE = 12
_SALT = b"gemini-balance key-encryption key"


class UnreadableError(Exception):
    """A sealed text was sealed with another key-encryption key, or was tampered with."""


class Vault:
    """Seals texts with AES-256-GCM, each bound to the name of what it belongs to."""

    def __init__(self, encryption_key: str) -> None:
        """Derive the keys from the key-encryption key.

        Args:
            encryption_key: 32 bytes in base64, or any text of 16 characters or more,
                which is stretched: a text may be guessable.
        """
        root = _decode(encryption_key) or Scrypt(_SALT, 32, 2**15, 8, 1).derive(
            encryption_key.encode()
        )
        self._cipher = AESGCM(_derive(root, b"seal"))
        self._pepper = _derive(root, b"pepper")
        self.mark = base64.urlsafe_b64encode(_derive(root, b"mark")[:3]) + b":"
        """What everything sealed here begins with; tells keys apart, and no secret."""

    def seal(self, text: str, owner: str) -> bytes:
        """Return `text` sealed for `owner`."""
        return self.seal_bytes(text.encode(), owner)

    def seal_bytes(self, content: bytes, owner: str) -> bytes:
        """Return bytes sealed for `owner`."""
        nonce = os.urandom(_NONCE)
        return self.mark + nonce + self._cipher.encrypt(nonce, content, owner.encode())

    def unseal(self, sealed: bytes, owner: str) -> str:
        """Return the text that was sealed for `owner`.

        Raises:
            UnreadableError: It was sealed with another key, for another owner, or changed.
        """
        try:
            return self.unseal_bytes(sealed, owner).decode()
        except UnicodeDecodeError as error:
            raise UnreadableError("damaged") from error

    def unseal_bytes(self, sealed: bytes, owner: str) -> bytes:
        """Return the bytes that were sealed for `owner`; see `unseal`."""
        mark, rest = sealed[: len(self.mark)], sealed[len(self.mark) :]
        if mark != self.mark:
            raise UnreadableError("sealed with another key-encryption key")
        try:
            return self._cipher.decrypt(rest[:_NONCE], rest[_NONCE:], owner.encode())
        except (InvalidTag, ValueError) as error:
            raise UnreadableError("damaged") from error

    def first_pepper(self) -> bytes:
        """Return the pepper for a store that has none yet.

        Derived, so that ids stay the same when a store has to begin anew.
        """
        return self._pepper


def _decode(text: str) -> bytes | None:
    try:
        raw = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    return raw if len(raw) == 32 and len(text) in {43, 44} else None


def _derive(root: bytes, purpose: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=None, info=b"gemini-balance " + purpose).derive(root)
