"""The secrets that `up` makes when none are given, stable over restarts."""

import base64
import secrets
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from services.cli.data_dir import DataDirError, read_json, write_private_json

FILE_NAME = "secrets.json"
DEMO_KEYS = 4


@dataclass(frozen=True, slots=True)
class LocalSecrets:
    """What one data folder holds. Nothing of it may be logged.

    Attributes:
        encryption_key: Base64 of 32 bytes; without it stored keys are unreadable.
        auth_token: The operator's token; never a client's.
        edge: Credential of the edge.
        files: Credential of the files service.
        cli: Credential of this command, with admin power.
        demo_keys: Made-up upstream keys of the demo.
        demo_token: The client token of the demo.
    """

    encryption_key: str = field(repr=False)
    auth_token: str = field(repr=False)
    edge: str = field(repr=False)
    files: str = field(repr=False)
    cli: str = field(repr=False)
    demo_keys: tuple[str, ...] = field(repr=False)
    demo_token: str = field(repr=False)


def load_or_create(data_dir: Path) -> LocalSecrets:
    """Return the folder's secrets, making them at the first start.

    Raises:
        DataDirError: The file is damaged. It is never overwritten: with the
            encryption key all stored keys would be lost.
    """
    path = data_dir / FILE_NAME
    content = read_json(path)
    if content is None:
        fresh = _fresh()
        _write(path, fresh)
        return fresh
    path.chmod(0o600)
    return _parse(path, content)


def renew_demo(data_dir: Path, current: LocalSecrets) -> LocalSecrets:
    """Forget the demo's keys and token: what was revoked never comes back."""
    fresh = _fresh()
    renewed = replace(current, demo_keys=fresh.demo_keys, demo_token=fresh.demo_token)
    _write(data_dir / FILE_NAME, renewed)
    return renewed


def _write(path: Path, content: LocalSecrets) -> None:
    write_private_json(path, asdict(content))


def _parse(path: Path, content: dict[str, Any]) -> LocalSecrets:
    try:
        found = LocalSecrets(**{**content, "demo_keys": tuple(content["demo_keys"])})
    except (KeyError, TypeError) as error:
        raise DataDirError(f"{path} is damaged: restore it, or move it away") from error
    texts = [value for value in asdict(found).values() if not isinstance(value, tuple)]
    if not all(isinstance(text, str) and text for text in (*texts, *found.demo_keys)):
        raise DataDirError(f"{path} is damaged: restore it, or move it away")
    return found


def _fresh() -> LocalSecrets:
    return LocalSecrets(
        encryption_key=base64.b64encode(secrets.token_bytes(32)).decode(),
        auth_token=f"sk-admin-{secrets.token_urlsafe(24)}",
        edge=secrets.token_urlsafe(32),
        files=secrets.token_urlsafe(32),
        cli=secrets.token_urlsafe(32),
        demo_keys=tuple(f"demo-key-{secrets.token_hex(12)}" for _ in range(DEMO_KEYS)),
        demo_token=f"sk-demo-{secrets.token_hex(12)}",
    )
