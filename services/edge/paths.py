"""Which paths are let in, and what they name."""

import re
from dataclasses import dataclass

from services.edge.errors import ApiError, bad_request

_MODEL = re.compile(r"[A-Za-z0-9._~\-]{1,128}")
_VERB = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_ENCODED_ID = re.compile(r"^/(?:(?:hf/|openai/)?v1|v1beta/openai)/models/[^/]+$")
_ENCODED_SLASH = re.compile(r"%2f", re.IGNORECASE)
_FORBIDDEN = re.compile(r"\\|%5[cC]|%00|[^\x21-\x7e]")
_DOT_SEGMENT = re.compile(r"^(?:\.|%2e){1,2}$", re.IGNORECASE)

_ALIASES = (
    ("/gemini/v1beta/", "/v1beta/"),
    ("/gemini/v1/", "/v1/"),
    ("/gemini/upload/", "/upload/"),
    ("/gemini/download/", "/download/"),
    ("/gemini/ws/", "/ws/"),
    ("/hf/v1/", "/v1/"),
    ("/openai/v1/", "/v1/"),
    # Where Google has its own OpenAI dialect: its clients need another host, nothing else.
    ("/v1beta/openai/", "/v1/"),
)


def check_path(raw_path: str) -> str:
    """Return the path under its canonical prefix.

    Args:
        raw_path: As it came over the wire, still percent-encoded.

    Raises:
        ApiError: 400 for paths that try to leave their place: dot segments,
            backslashes, NUL, control characters, slashes in disguise.
    """
    if _FORBIDDEN.search(raw_path):
        raise _unacceptable()
    for segment in raw_path.split("/"):
        if _DOT_SEGMENT.match(segment):
            raise _unacceptable()
    if _ENCODED_SLASH.search(raw_path) and not _ENCODED_ID.match(raw_path):
        raise _unacceptable()
    for alias, canonical in _ALIASES:
        if raw_path.startswith(alias):
            return canonical + raw_path[len(alias) :]
    return raw_path


def model_of_id(encoded: str) -> str:
    """Return the bare model of the last segment of `/v1/models/{id}`.

    OpenAI's SDKs send `models%2Fgemini-2.5-pro`.

    Raises:
        ApiError: 400 for anything that cannot be a model.
    """
    text = _ENCODED_SLASH.sub("/", encoded)
    return check_model(text.removeprefix("models/"))


def check_model(model: str) -> str:
    """Return a model's name if it can be one.

    Raises:
        ApiError: 400 otherwise.
    """
    if not _MODEL.fullmatch(model) or _DOT_SEGMENT.match(model):
        raise bad_request(
            "The model's name may hold letters, digits and . _ ~ - only.",
            code="invalid_model",
            param="model",
        )
    return model


@dataclass(frozen=True, slots=True)
class Method:
    """A verb on a model: `{collection}/{model}:{verb}`."""

    collection: str
    model: str
    verb: str


def method_of(resource: str) -> Method | None:
    """Return what a path below its version names, if it is a verb on a model.

    Raises:
        ApiError: 400 when it is one with an impossible name.
    """
    collection, slash, rest = resource.partition("/")
    model, colon, verb = rest.partition(":")
    if not slash or not colon or "/" in model:
        return None
    if collection not in {"models", "dynamic", "tunedModels"}:
        return None
    if not _VERB.fullmatch(verb):
        raise bad_request(f"'{verb[:64]}' cannot be a method of a model.", code="invalid_method")
    return Method(collection, check_model(model), verb)


def _unacceptable() -> ApiError:
    return bad_request("The path holds a sequence that is not allowed.", code="invalid_path")
