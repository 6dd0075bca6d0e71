"""The operator's side on the wire: from proto to the domain, checked, and back."""

from collections.abc import Collection, Iterable

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
from services.keypool.client_limits import ClientLimits
from services.keypool.tokens import NewToken
from services.keypool.wire import write_time
from services.kit.vault import SHORTEST_TEXT

_MOST_KEYS = 1_000
_LONGEST_NOTE = 512
_HEAVIEST = 1_000
_MOST_IN_FLIGHT = 100_000
_HIGHEST_PRIORITY = 1_000
KEY_FIELDS = {
    "note",
    "tags",
    "weight",
    "project_id",
    "max_in_flight",
    "priority",
    "proxy",
}
_TOKEN_FIELDS = {"name", "scopes", "allowed_models", "expire_time", "limits"}
_HIGHEST_LIMIT = 10**15

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
    paths = _read_mask(request.update_mask.paths, KEY_FIELDS)
    change = read_fields(request.key, paths, request.proxy_url)
    return read_id(request.key.key_id, "key.key_id"), change


def read_fields(key: pb.Key, paths: Collection[str], proxy_url: str) -> KeyChange:
    """Return what to change about keys."""
    weight, max_in_flight, priority = _read_share(key, "key")
    return KeyChange(
        project_id=read_id(key.project_id, "key.project_id") if "project_id" in paths else None,
        note=read_text(key.note, "key.note", _LONGEST_NOTE) if "note" in paths else None,
        tags=read_tags(key.tags, "key.tags") if "tags" in paths else None,
        weight=weight if "weight" in paths else None,
        max_in_flight=max_in_flight if "max_in_flight" in paths else None,
        priority=priority if "priority" in paths else None,
        proxy_url=read_proxy(proxy_url, "proxy_url") if "proxy" in paths else None,
    )


def read_encryption_key(request: pb.RekeySecretsRequest) -> str:
    """Return the earlier key-encryption key, empty when the settings hold it."""
    key = request.old_encryption_key
    rule = f"must have {SHORTEST_TEXT} characters or more"
    check("old_encryption_key", rule, ok=not key or len(key) >= SHORTEST_TEXT)
    return key


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
        limits=_read_limits(request.limits, "limits"),
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
        limits=_read_limits(token.limits, "token.limits") if "limits" in paths else None,
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
        egress=key.egress,
        weight=key.weight,
        create_time=write_time(key.create_time),
        last_use_time=write_time(key.last_use_time),
        success_count=key.success_count,
        failure_count=key.failure_count,
        in_flight_count=key.in_flight_count,
        seeded=key.seeded,
        max_in_flight=key.max_in_flight,
        priority=key.priority,
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
        limits=pb.ClientLimits(
            requests_per_minute=token.limits.requests_per_minute,
            requests_per_day=token.limits.requests_per_day,
            tokens_per_day=token.limits.tokens_per_day,
        ),
    )


def _read_new_key(key: pb.NewKey, field: str) -> NewKey:
    check(f"{field}.secret", SECRET_RULE, ok=names.is_secret(key.secret))
    if key.project_id:
        read_id(key.project_id, f"{field}.project_id")
    weight, max_in_flight, priority = _read_share(key, field)
    return NewKey(
        secret=key.secret,
        project_id=key.project_id,
        note=read_text(key.note, f"{field}.note", _LONGEST_NOTE),
        tags=read_tags(key.tags, f"{field}.tags"),
        proxy_url=read_proxy(key.proxy_url, f"{field}.proxy_url"),
        weight=weight,
        max_in_flight=max_in_flight,
        priority=priority,
    )


def _read_share(key: pb.NewKey | pb.Key, field: str) -> tuple[int, int, int]:
    """Return the weight, the most calls at one time and the priority of a key."""
    weight = key.weight or 1
    check(f"{field}.weight", f"must be 0 to {_HEAVIEST}", ok=1 <= weight <= _HEAVIEST)
    rule, most = f"must be 0 to {_MOST_IN_FLIGHT}", key.max_in_flight
    check(f"{field}.max_in_flight", rule, ok=0 <= most <= _MOST_IN_FLIGHT)
    rule, level = f"must be -{_HIGHEST_PRIORITY} to {_HIGHEST_PRIORITY}", key.priority
    check(f"{field}.priority", rule, ok=-_HIGHEST_PRIORITY <= level <= _HIGHEST_PRIORITY)
    return weight, most, level


def read_proxy(text: str, field: str) -> str:
    """Return the URL of a proxy, which may be empty."""
    if not text:
        return ""
    rule = f"must be a URL such as {names.PROXY_EXAMPLE}"
    check(field, rule, ok=names.is_proxy(text))
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


def _read_limits(message: pb.ClientLimits, field: str) -> ClientLimits:
    counts = (message.requests_per_minute, message.requests_per_day, message.tokens_per_day)
    check(field, "must be 0 to 10^15", ok=all(0 <= count <= _HIGHEST_LIMIT for count in counts))
    return ClientLimits(*counts)


def _read_mask(paths: Iterable[str], known: set[str]) -> set[str]:
    found = set(paths)
    rule = f"must name some of {', '.join(sorted(known))}"
    check("update_mask", rule, ok=bool(found) and found <= known)
    return found
