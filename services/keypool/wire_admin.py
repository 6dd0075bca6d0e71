"""The operator's side on the wire: from proto to the domain, checked, and back."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from gemini_balance.keypool.v1 import admin_pb2 as pb

from services.keypool import names
from services.keypool.catalog import (
    TOKEN_SCOPES,
    Key,
    KeyChange,
    KeyState,
    NewKey,
    Token,
    TokenChange,
    TokenState,
)
from services.keypool.checking import (
    SECRET_RULE,
    check,
    read_id,
    read_pool,
    read_tags,
    read_text,
    read_time,
)
from services.keypool.tokens import NewToken
from services.keypool.wire import write_time

_MOST_KEYS = 1_000
_LONGEST_NOTE = 512
_HEAVIEST = 1_000
_PROXY_SCHEMES = {"http", "https", "socks5", "socks5h"}
_KEY_FIELDS = {"note", "tags", "weight", "project_id"}
_TOKEN_FIELDS = {"name", "scopes", "allowed_models", "expire_time"}

_KEY_STATES = {
    KeyState.ACTIVE: pb.Key.STATE_ACTIVE,
    KeyState.PAUSED: pb.Key.STATE_PAUSED,
    KeyState.DEAD: pb.Key.STATE_DEAD,
    KeyState.UNREADABLE: pb.Key.STATE_UNREADABLE,
}
_STATES_OF_KEYS = {value: state for state, value in _KEY_STATES.items()}
_TOKEN_STATES = {
    TokenState.ACTIVE: pb.Token.STATE_ACTIVE,
    TokenState.REVOKED: pb.Token.STATE_REVOKED,
}


def read_new_keys(request: pb.CreateKeysRequest) -> list[NewKey]:
    """Return the keys to add."""
    rule = f"must be 1 to {_MOST_KEYS}"
    check("keys", rule, ok=1 <= len(request.keys) <= _MOST_KEYS)
    return [_read_new_key(key, f"keys[{at}]") for at, key in enumerate(request.keys)]


def read_filter_pool(text: str) -> str:
    """Return the pool to list, empty for all."""
    return read_pool(text) if text else ""


def read_filter_state(value: pb.Key.State.ValueType) -> KeyState | None:
    """Return the state to list, None for all."""
    if value == pb.Key.STATE_UNSPECIFIED:
        return None
    check("state", "is not known", ok=value in _STATES_OF_KEYS)
    return _STATES_OF_KEYS[value]


def read_key_change(request: pb.UpdateKeyRequest) -> tuple[str, KeyChange]:
    """Return which key to change, and what about it."""
    key, paths = request.key, _read_mask(request.update_mask.paths, _KEY_FIELDS)
    weight = key.weight or 1
    check("key.weight", f"must be 0 to {_HEAVIEST}", ok=1 <= weight <= _HEAVIEST)
    return read_id(key.key_id, "key.key_id"), KeyChange(
        project_id=read_id(key.project_id, "key.project_id") if "project_id" in paths else None,
        note=read_text(key.note, "key.note", _LONGEST_NOTE) if "note" in paths else None,
        tags=read_tags(key.tags, "key.tags") if "tags" in paths else None,
        weight=weight if "weight" in paths else None,
    )


def read_new_token(request: pb.CreateTokenRequest) -> NewToken:
    """Return the token to make."""
    if request.token:
        check("token", SECRET_RULE, ok=names.is_secret(request.token))
    has_end = request.HasField("expire_time")
    return NewToken(
        text=request.token,
        name=read_text(request.name, "name", 128),
        scopes=_read_scopes(request.scopes, "scopes") or ("models", "files"),
        pool=read_pool(request.pool),
        allowed_models=_read_patterns(request.allowed_models, "allowed_models"),
        expire_time=read_time(request.expire_time, "expire_time") if has_end else None,
        tags=read_tags(request.tags),
    )


def read_token_change(request: pb.UpdateTokenRequest) -> tuple[str, TokenChange]:
    """Return which token to change, and what about it."""
    token, paths = request.token, _read_mask(request.update_mask.paths, _TOKEN_FIELDS)
    if "scopes" in paths:
        check("token.scopes", "must not be empty", ok=bool(token.scopes))
    has_end = "expire_time" in paths and token.HasField("expire_time")
    return read_id(token.token_id, "token.token_id"), TokenChange(
        name=read_text(token.name, "token.name", 128) if "name" in paths else None,
        scopes=_read_scopes(token.scopes, "token.scopes") if "scopes" in paths else None,
        allowed_models=(
            _read_patterns(token.allowed_models, "token.allowed_models")
            if "allowed_models" in paths
            else None
        ),
        expire_time=read_time(token.expire_time, "token.expire_time") if has_end else None,
        sets_expiry="expire_time" in paths,
    )


def write_key(key: Key) -> pb.Key:
    """Return a key, without its secret."""
    return pb.Key(
        key_id=key.key_id,
        alias=key.alias,
        project_id=key.project_id,
        pool=key.pool,
        state=_KEY_STATES[key.state],
        dead_reason=key.dead_reason,
        note=key.note,
        tags=key.tags,
        proxy=key.proxy,
        weight=key.weight,
        create_time=write_time(key.create_time),
        last_use_time=write_time(key.last_use_time),
        success_count=key.success_count,
        failure_count=key.failure_count,
        in_flight_count=key.in_flight_count,
        seeded=key.seeded,
    )


def write_token(token: Token) -> pb.Token:
    """Return a token, without its text."""
    return pb.Token(
        token_id=token.token_id,
        client_id=token.client_id,
        name=token.name,
        scopes=token.scopes,
        pool=token.pool,
        allowed_models=token.allowed_models,
        state=_TOKEN_STATES[token.state],
        expire_time=write_time(token.expire_time),
        create_time=write_time(token.create_time),
        tail=token.tail,
        seeded=token.seeded,
        tags=token.tags,
    )


def _read_new_key(key: pb.NewKey, field: str) -> NewKey:
    check(f"{field}.secret", SECRET_RULE, ok=names.is_secret(key.secret))
    if key.project_id:
        read_id(key.project_id, f"{field}.project_id")
    return NewKey(
        secret=key.secret,
        project_id=key.project_id,
        note=read_text(key.note, f"{field}.note", _LONGEST_NOTE),
        tags=read_tags(key.tags, f"{field}.tags"),
        proxy_url=_read_proxy(key.proxy_url, f"{field}.proxy_url"),
    )


def _read_proxy(text: str, field: str) -> str:
    if not text:
        return ""
    rule = "must be a URL such as http://user:password@host:3128 or socks5://host:1080"
    try:
        parts = urlsplit(text)
        has_host = bool(parts.hostname) and parts.port != 0
    except ValueError:
        has_host, parts = False, urlsplit("")
    is_url = has_host and parts.scheme in _PROXY_SCHEMES and names.is_secret(text)
    check(field, rule, ok=is_url)
    return text


def _read_scopes(values: Iterable[str], field: str) -> tuple[str, ...]:
    scopes = tuple(dict.fromkeys(values))
    for scope in scopes:
        check(field, f"must be out of {', '.join(TOKEN_SCOPES)}", ok=scope in TOKEN_SCOPES)
    return scopes


def _read_patterns(values: Iterable[str], field: str) -> tuple[str, ...]:
    patterns = tuple(dict.fromkeys(values))
    check(field, "must be at most 256", ok=len(patterns) <= 256)
    for at, pattern in enumerate(patterns):
        is_pattern = bool(pattern) and names.is_model(pattern.replace("*", ""))
        check(f"{field}[{at}]", "must be a model, where * stands for any text", ok=is_pattern)
    return patterns


def _read_mask(paths: Iterable[str], known: set[str]) -> set[str]:
    found = set(paths)
    rule = f"must name some of {', '.join(sorted(known))}"
    check("update_mask", rule, ok=bool(found) and found <= known)
    return found
