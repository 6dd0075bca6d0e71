"""Service credentials: who may call which RPC."""

import hashlib
import json
from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass

SCOPES = frozenset({"lease", "files", "act-as", "admin"})


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever presented a credential.

    Attributes:
        name: For logs and audit; the client id of callers without `act-as`.
        scopes: What the credential opens, out of `SCOPES`.
    """

    name: str
    scopes: frozenset[str]

    def client_id(self, claimed: str) -> str:
        """Return the client that the caller acts for: the claimed one only with `act-as`."""
        if claimed and "act-as" in self.scopes:
            return claimed
        return self.name


caller: ContextVar[Caller] = ContextVar("caller")


class CredentialBook:
    """The credentials that a service accepts, kept as digests."""

    def __init__(self, entries: Iterable[tuple[str, Caller]]) -> None:
        """Take pairs of a credential and its holder."""
        self._callers = {_digest(secret): holder for secret, holder in entries}

    @classmethod
    def parse(cls, text: str) -> "CredentialBook":
        """Read a JSON list of `{"name", "secret", "scopes": [...]}`.

        Raises:
            ValueError: The text is not such a list; the message quotes no secret.
        """
        try:
            rows = json.loads(text)
            entries = [
                (str(row["secret"]), Caller(str(row["name"]), frozenset(row["scopes"])))
                for row in rows
            ]
        except (TypeError, KeyError, json.JSONDecodeError):
            raise ValueError(
                'must be a JSON list of {"name": ..., "secret": ..., "scopes": [...]}'
            ) from None
        for secret, holder in entries:
            if unknown := holder.scopes - SCOPES:
                raise ValueError(f"{holder.name}: unknown scopes {sorted(unknown)}")
            if len(secret) < 16:
                raise ValueError(f"{holder.name}: the secret is shorter than 16 characters")
        return cls(entries)

    def find(self, secret: str) -> Caller | None:
        """Return who holds a credential."""
        # Looking up a digest gives a timing attack nothing to measure.
        return self._callers.get(_digest(secret))


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
