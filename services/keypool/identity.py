"""Ids derived from secrets, and lease ids that nobody can make up."""

import base64
import hashlib
import hmac
from typing import NamedTuple

from services.kit.errors import StoreUnavailableError

_TAIL = 4
_SHORTEST_WITH_TAIL = 16
_MAC = 16


class LeaseName(NamedTuple):
    """What a lease id says.

    Attributes:
        raw: The id as the store knows it.
        pool: Its pool.
        model: The model that it was granted for.
        project_id: The project whose quota it uses.
        key_id: The key.
        client_id: The client on whose behalf it was granted.
    """

    raw: str
    pool: str
    model: str
    project_id: str
    key_id: str
    client_id: str


class Identity:
    """Derives ids with a pepper, without which nothing about a secret can be told from them.

    The pepper is loaded once the store can be reached; until then every method
    raises `StoreUnavailableError`.
    """

    def __init__(self) -> None:
        self._pepper: bytes | None = None

    def load(self, pepper: bytes) -> None:
        """Take the pepper."""
        self._pepper = pepper

    def key_id(self, secret: str) -> str:
        """Return the id of an upstream key."""
        return "k" + self._short("key", secret)

    def key_alias(self, secret: str) -> str:
        """Return the name of a key for people: a fingerprint and the last four characters."""
        return f"k-{self._digest('key', secret).hex()[:4]}…{tail(secret)}"

    def token_id(self, token: str) -> str:
        """Return the id of a client token."""
        return "t" + self._short("token", token)

    def token_digest(self, token: str) -> bytes:
        """Return what is stored in place of a token, 32 bytes."""
        return self._digest("token-digest", token)

    def number_digest(self, number: str) -> str:
        """Return what is stored in place of a project's number."""
        return self._short("number", number)

    def seal_lease(self, raw: str) -> str:
        """Return the lease id that callers see."""
        return f"{raw}/{self._mac(raw)}"

    def open_lease(self, lease_id: str) -> LeaseName | None:
        """Return what a lease id says, None when it is not ours."""
        raw, _, mac = lease_id.rpartition("/")
        if not hmac.compare_digest(mac.encode(), self._mac(raw).encode()):
            return None
        _, pool, model, project_id, key_id, client_id, _charge = raw.split("/")
        return LeaseName(raw, pool, model, project_id, key_id, client_id)

    def _mac(self, raw: str) -> str:
        return self._digest("lease", raw).hex()[:_MAC]

    def _short(self, purpose: str, secret: str) -> str:
        return base64.b32encode(self._digest(purpose, secret)[:10]).decode().lower()

    def _digest(self, purpose: str, text: str) -> bytes:
        if self._pepper is None:
            raise StoreUnavailableError("the store has not been reached yet")
        message = f"{purpose}\0{text}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._pepper, message, hashlib.sha256)


def tail(secret: str) -> str:
    """Return the last characters of a secret, fewer of a short one."""
    return secret[-_TAIL:] if len(secret) >= _SHORTEST_WITH_TAIL else ""
