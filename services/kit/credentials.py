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
    """Whom a service lets in, and to what: by a secret, by a certificate, or by both.

    Secrets are kept as digests. Where certificates have names here, each caller needs one of
    them; a secret that comes with it must be known, and opens only what both open.
    """

    def __init__(self, credentials: str, identities: str = "") -> None:
        """Read two JSON lists; an empty text is an empty list.

        Args:
            credentials: Of `{"name", "secret", "scopes": [...]}`.
            identities: Of `{"name", "san", "scopes": [...]}`.

        Raises:
            ValueError: A text is not such a list; the message quotes no secret.
        """
        self.become(credentials, identities)

    def become(self, credentials: str, identities: str = "") -> None:
        """Hold what these hold, from now on; nothing changes when one cannot be read.

        Raises:
            ValueError: See above.
        """
        entries, named = _read(credentials, "secret"), _read(identities, "san")
        for secret, holder in entries:
            if len(secret) < 16:
                raise ValueError(f"{holder.name}: the secret is shorter than 16 characters")
        self._callers = {_digest(secret): holder for secret, holder in entries}
        self._named = dict(named)

    @property
    def knows_certificates(self) -> bool:
        """Whether it asks for the names of a caller's certificate."""
        return bool(self._named)

    def find(self, secret: str) -> Caller | None:
        """Return who holds a secret."""
        # Looking up a digest gives a timing attack nothing to measure.
        return self._callers.get(_digest(secret))

    def admit(self, secret: str | None, names: Iterable[str]) -> Caller | None:
        """Return who calls, None for nobody who may.

        Args:
            secret: What the caller presents; None for nothing.
            names: Those in its certificate: of machines, or as SPIFFE ids.
        """
        holder = self.find(secret) if secret is not None else None
        if secret is not None and holder is None:
            return None
        if not self._named:
            return holder
        shown = next((self._named[name] for name in names if name in self._named), None)
        if shown is None or holder is None:
            return shown
        return Caller(holder.name, holder.scopes & shown.scopes)


def _read(text: str, by: str) -> list[tuple[str, Caller]]:
    """Read a JSON list of holders, each with what it is known by."""
    try:
        rows = json.loads(text or "[]")
        entries = [
            (str(row[by]), Caller(str(row["name"]), frozenset(row["scopes"]))) for row in rows
        ]
    except (TypeError, KeyError, json.JSONDecodeError):
        raise ValueError(
            f'must be a JSON list of {{"name": ..., "{by}": ..., "scopes": [...]}}'
        ) from None
    for _, holder in entries:
        if unknown := holder.scopes - SCOPES:
            raise ValueError(f"{holder.name}: unknown scopes {sorted(unknown)}")
    return entries


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
