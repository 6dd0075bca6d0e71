"""What is taken of an installation, what is not, and why."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from services.cli.key_text import is_sendable
from services.cli.known_settings import KNOWN, Fate
from services.cli.moving.installation import Installation, OldFile

CLIENT_SCOPES = ("models", "files")
OPERATOR_SCOPES = (*CLIENT_SCOPES, "admin")

_KEYS, _PAID = "API_KEYS", "PAID_KEY"
_TOKENS, _OPERATOR = "ALLOWED_TOKENS", "AUTH_TOKEN"
_SHORTEST_WITH_TAIL = 16
_LONGEST_SHOWN = 60
# Their values hold credentials, or may.
_HIDDEN = frozenset({"CUSTOM_HEADERS", "PROXIES", "VERTEX_API_KEYS", "REDIS_URL", "ENCRYPTION_KEY"})


class Kind(Enum):
    """What an installation holds."""

    KEY = "key"
    TOKEN = "token"  # noqa: S105  # a word, not a secret
    SETTING = "setting"
    FILE = "file"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing of an installation.

    Attributes:
        kind: What it is.
        name: What it is called here; never a secret.
        is_taken: Whether it moves in.
        note: Its value, or why it is left behind; without secrets.
    """

    kind: Kind
    name: str
    is_taken: bool
    note: str = ""


@dataclass(frozen=True, slots=True)
class OldToken:
    """A client's token.

    Attributes:
        text: The token.
        name: Which setting held it.
        scopes: What it opens.
    """

    text: str = field(repr=False)
    name: str
    scopes: tuple[str, ...]


@dataclass(slots=True)
class Plan:
    """What moves in.

    Attributes:
        keys: Upstream keys, each once.
        tokens: Clients' tokens, each once.
        settings: For `.env`.
        files: What still lives and belongs to a key and a token of these.
        items: All that was found, taken or not, in the order of the kinds.
    """

    keys: list[str] = field(default_factory=list, repr=False)
    tokens: list[OldToken] = field(default_factory=list)
    settings: dict[str, str] = field(default_factory=dict, repr=False)
    files: list[OldFile] = field(default_factory=list)
    items: list[Item] = field(default_factory=list)


def make_plan(installation: Installation, now: datetime) -> Plan:
    """Return what to take of an installation.

    Args:
        installation: What it holds.
        now: Files that end before are gone.
    """
    plan = Plan()
    settings = dict(installation.settings)
    _plan_keys(plan, settings)
    _plan_tokens(plan, settings)
    for name in sorted(settings):
        _plan_setting(plan, name, settings[name])
    for file in installation.files:
        _plan_file(plan, file, now)
    return plan


def shown_key(text: str) -> str:
    """Return a fingerprint of a key, with its last four characters where it is long enough."""
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{digest}{_tail(text)}"


def _plan_keys(plan: Plan, settings: dict[str, str]) -> None:
    for key in _listed(settings.pop(_KEYS, "")):
        if is_sendable(key):
            plan.keys.append(key)
            plan.items.append(Item(Kind.KEY, shown_key(key), is_taken=True))
        else:
            plan.items.append(Item(Kind.KEY, shown_key(key), False, "no key looks like this"))
    if (paid := settings.pop(_PAID, "")) and paid not in plan.keys:
        note = "PAID_KEY: in a pool it would serve every request; to have that, `keys add` it"
        plan.items.append(Item(Kind.KEY, shown_key(paid), False, note))


def _plan_tokens(plan: Plan, settings: dict[str, str]) -> None:
    allowed = _listed(settings.pop(_TOKENS, ""))
    tokens = [OldToken(text, _TOKENS, CLIENT_SCOPES) for text in allowed]
    operator = settings.pop(_OPERATOR, "")
    # Where it was not set, the first client's token was the operator's too. It is not here.
    if operator and operator not in allowed:
        tokens.append(OldToken(operator, _OPERATOR, OPERATOR_SCOPES))
    for number, token in enumerate(tokens, 1):
        name = f"{token.name} #{number}{_tail(token.text)}"
        is_usable = is_sendable(token.text, shortest=1)
        if is_usable:
            plan.tokens.append(token)
        note = "" if is_usable else "no token can look like this"
        plan.items.append(Item(Kind.TOKEN, name, is_usable, note))


def _plan_setting(plan: Plan, name: str, value: str) -> None:
    known = KNOWN.get(name)
    if known is None:
        plan.items.append(Item(Kind.SETTING, name, False, "not known"))
    elif known.fate is not Fate.USED:
        plan.items.append(Item(Kind.SETTING, name, False, known.fate.value))
    elif "${" in value:
        # Readers of `.env` would put something else in its place.
        plan.items.append(Item(Kind.SETTING, name, False, "holds ${: set it by hand"))
    else:
        plan.settings[name] = value
        shown = "(hidden)" if name in _HIDDEN else " ".join(value.split())
        if len(shown) > _LONGEST_SHOWN:
            shown = f"{shown[: _LONGEST_SHOWN - 1]}…"
        plan.items.append(Item(Kind.SETTING, name, True, shown))


def _plan_file(plan: Plan, file: OldFile, now: datetime) -> None:
    note = _why_not(plan, file, now)
    if not note:
        plan.files.append(file)
    plan.items.append(Item(Kind.FILE, file.name, not note, note))


def _why_not(plan: Plan, file: OldFile, now: datetime) -> str:
    """Return why a file stays behind, empty when it does not."""
    if file.expire_time <= now:
        return "Google has dropped it"
    if not file.is_usable:
        return "it was not uploaded to its end"
    if file.key not in plan.keys:
        return "its key is none of these"
    if file.token not in {token.text for token in plan.tokens}:
        return "its client's token is none of these"
    return ""


def _listed(value: str) -> list[str]:
    """Return the entries of a list as settings write it: JSON, or text with commas."""
    value = value.strip()
    entries: object = None
    if value.startswith("["):
        try:
            entries = json.loads(value)
        except ValueError:
            entries = None
    if not isinstance(entries, list):
        entries = value.strip("[]").split(",")
    texts = (str(entry).strip().strip("\"'") for entry in entries)
    return list(dict.fromkeys(text for text in texts if text))


def _tail(text: str) -> str:
    return f"…{text[-4:]}" if len(text) >= _SHORTEST_WITH_TAIL else ""


def count(items: list[Item], *, is_taken: bool) -> Mapping[Kind, int]:
    """Return how many of each kind are taken, or left behind."""
    return {
        kind: sum(item.kind is kind and item.is_taken is is_taken for item in items)
        for kind in Kind
    }
