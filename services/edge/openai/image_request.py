"""Requests for pictures in OpenAI's dialect as requests of Google's drawing models."""

from dataclasses import dataclass
from typing import Any

from services.edge.openai.chat_request import read_model
from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import (
    missing,
    read_boolean,
    read_integer,
    read_list,
    read_name,
    read_object,
    read_string,
    wrong_value,
)
from services.edge.openai.ignored import ignored_names
from services.edge.openai.image_sizes import Shape, is_imagen, read_shape
from services.edge.openai.media import MediaReader, Part, RemoteMedia

_FOREIGN = ("gpt-image", "chatgpt-image", "dall-e")
_EDITOR = "gemini-2.5-flash-image"
_MOST_PICTURES = 10
_MOST_SOURCES = 16
_LONGEST_PROMPT = 32_000
_SAMPLES = 4
_FORMATS = ("png", "jpeg", "webp")
_TRANSLATED = frozenset(
    {
        "model",
        "prompt",
        "n",
        "size",
        "aspect_ratio",
        "response_format",
        "output_format",
        "output_compression",
        "background",
        "quality",
        "moderation",
        "input_fidelity",
        "stream",
        "partial_images",
        "image",
        "images",
        "mask",
        "markup",
    }
)
# Saying these is saying nothing: they are what is done anyway.
_DEFAULTS: dict[str, tuple[str, ...]] = {
    "quality": ("auto",),
    "moderation": ("auto",),
    "background": ("auto", "opaque"),
    "input_fidelity": (),
}


@dataclass(frozen=True, slots=True)
class ImagePlan:
    """A request for pictures, ready to be sent.

    Attributes:
        model: Without `models/`; safe as a path segment.
        verb: `generateContent` or `predict`.
        bodies: One for each upstream call, at least one.
        shows_url: Whether the client wants addresses.
        shows_bytes: Whether it wants base64.
        output_format: What the client has asked for, if it did.
        background: The same.
        ignored: Parameters without counterpart, fit for a header.
        remote_media: Media to be fetched and filled in before the bodies are sent.
    """

    model: str
    verb: str
    bodies: tuple[dict[str, Any], ...]
    shows_url: bool
    shows_bytes: bool
    output_format: str | None
    background: str | None
    ignored: tuple[str, ...]
    remote_media: tuple[RemoteMedia, ...] = ()


def translate_generation(body: dict[str, Any], *, default_model: str) -> ImagePlan:
    """Return the plan for `POST /v1/images/generations`.

    Args:
        body: The parsed body; any JSON object.
        default_model: What draws when no model is named, or one of OpenAI's.

    Raises:
        BadRequestError: Something has the wrong type or cannot be said to Google.
    """
    return _plan(body, [], MediaReader([]), _model_of(body, default_model))


def translate_edit(
    body: dict[str, Any], sources: list[Part], *, default_model: str, allow_remote_media: bool
) -> ImagePlan:
    """Return the plan for `POST /v1/images/edits`.

    Args:
        body: The parsed body, or the text fields of a form.
        sources: Pictures that came as files of a form.
        default_model: As for `translate_generation`; an Imagen cannot edit, so then Gemini does.
        allow_remote_media: Whether the caller fetches pictures behind web addresses.

    Raises:
        BadRequestError: Something has the wrong type or cannot be said to Google.
    """
    model = _model_of(body, _EDITOR if is_imagen(default_model) else default_model)
    if is_imagen(model):
        raise BadRequestError(
            "Imagen models draw, and cannot edit: name a Gemini model that makes pictures.",
            "model",
            "unsupported_value",
        )
    for name in ("mask", "markup"):
        if body.get(name) is not None:
            raise BadRequestError(
                f"Invalid '{name}': Gemini's models take none. Say in the prompt what is to change "
                "and what is to stay.",
                name,
                "unsupported_parameter",
            )
    media = MediaReader([])
    sources = [*sources, *_named_sources(body, media)]
    if not sources:
        raise missing("image")
    if len(sources) > _MOST_SOURCES:
        raise BadRequestError(
            f"Invalid 'image': at most {_MOST_SOURCES} pictures can be edited at once.",
            "image",
            "array_above_max_length",
        )
    if media.remote and not allow_remote_media:
        raise BadRequestError(
            f"Invalid '{media.remote[0].param}': media behind a web address are not fetched. Send "
            "the picture itself.",
            media.remote[0].param,
            "remote_media_not_supported",
        )
    return _plan(body, sources, media, model)


def _plan(body: dict[str, Any], sources: list[Part], media: MediaReader, model: str) -> ImagePlan:
    _refuse_streams(body)
    prompt = read_name(body.get("prompt"), "prompt")
    if len(prompt) > _LONGEST_PROMPT:
        raise BadRequestError(
            f"Invalid 'prompt': at most {_LONGEST_PROMPT} characters are possible.",
            "prompt",
            "string_above_max_length",
        )
    count = 1 if body.get("n") is None else read_integer(body["n"], "n", 1, _MOST_PICTURES)
    shape = read_shape(_text(body, "size"), _text(body, "aspect_ratio"), model)
    ignored = [*media.ignored, *(["size"] if shape.is_smaller else [])]
    for name, defaults in _DEFAULTS.items():
        value = _text(body, name)
        if value is not None and value not in defaults:
            ignored.append(name)
    output_format = _one_of(body, "output_format", _FORMATS)
    quality = body.get("output_compression")
    if quality is not None:
        quality = read_integer(quality, "output_compression", 0, 100)
    answer_format = _one_of(body, "response_format", ("url", "b64_json"))
    # Programs written for these models read the bytes without having asked for them.
    is_foreign = str(body.get("model") or "").startswith(("gpt-image", "chatgpt-image"))
    if is_imagen(model):
        verb, bodies = "predict", _predictions(prompt, count, shape, output_format, quality)
    else:
        verb, bodies = "generateContent", _drawings(prompt, count, shape, sources)
    if quality is not None and not (is_imagen(model) and output_format == "jpeg"):
        ignored.append("output_compression")
    return ImagePlan(
        model=model,
        verb=verb,
        bodies=bodies,
        shows_url=answer_format != "b64_json",
        shows_bytes=answer_format == "b64_json" or (answer_format is None and is_foreign),
        output_format=output_format,
        background=_text(body, "background"),
        ignored=ignored_names(body, _TRANSLATED, ignored),
        remote_media=tuple(media.remote),
    )


def _model_of(body: dict[str, Any], default_model: str) -> str:
    named = body.get("model")
    if named is None or (isinstance(named, str) and named.startswith(_FOREIGN)):
        return default_model
    return read_model(body)


def _refuse_streams(body: dict[str, Any]) -> None:
    if body.get("stream") is not None and read_boolean(body["stream"], "stream"):
        raise BadRequestError(
            "Invalid 'stream': Google's models tell no pictures before they are done. Ask without "
            "it.",
            "stream",
            "unsupported_value",
        )
    partial = body.get("partial_images")
    if partial is not None and read_integer(partial, "partial_images", 0, 3):
        raise BadRequestError(
            "Invalid 'partial_images': Google's models tell no pictures before they are done.",
            "partial_images",
            "unsupported_value",
        )


def _named_sources(body: dict[str, Any], media: MediaReader) -> list[Part]:
    """Return the pictures that a body names: by addresses, data URLs or uploaded files."""
    for name in ("images", "image"):
        if body.get(name) is not None:
            value = body[name]
            items = [value] if isinstance(value, str) else read_list(value, name)
            return [_source(item, f"{name}[{place}]", media) for place, item in enumerate(items)]
    return []


def _source(item: object, param: str, media: MediaReader) -> Part:
    if isinstance(item, dict) and item.get("file_id") is not None:
        return media.read_file(item, param)
    if isinstance(item, dict):
        return media.read_address(read_object(item, param).get("image_url"), f"{param}.image_url")
    return media.read_address(read_name(item, param), param)


def _predictions(
    prompt: str, count: int, shape: Shape, output_format: str | None, quality: int | None
) -> tuple[dict[str, Any], ...]:
    parameters: dict[str, Any] = {"includeRaiReason": True}
    if shape.aspect_ratio:
        parameters["aspectRatio"] = shape.aspect_ratio
    if shape.tier:
        parameters["sampleImageSize"] = shape.tier
    if output_format in {"png", "jpeg"}:
        parameters["outputOptions"] = {"mimeType": f"image/{output_format}"}
        if output_format == "jpeg" and quality is not None:
            parameters["outputOptions"]["compressionQuality"] = quality
    return tuple(
        {
            "instances": [{"prompt": prompt}],
            "parameters": {**parameters, "sampleCount": min(_SAMPLES, count - start)},
        }
        for start in range(0, count, _SAMPLES)
    )


def _drawings(
    prompt: str, count: int, shape: Shape, sources: list[Part]
) -> tuple[dict[str, Any], ...]:
    # The text tells why there is no picture, when there is none.
    config: dict[str, Any] = {"responseModalities": ["TEXT", "IMAGE"]}
    wish = {"aspectRatio": shape.aspect_ratio, "imageSize": shape.tier}
    if image_config := {name: value for name, value in wish.items() if value}:
        config["imageConfig"] = image_config
    contents = [{"role": "user", "parts": [*sources, {"text": prompt}]}]
    # One body for all: what is fetched is put into it once.
    return ({"contents": contents, "generationConfig": config},) * count


def _text(body: dict[str, Any], name: str) -> str | None:
    return None if body.get(name) is None else read_string(body[name], name)


def _one_of(body: dict[str, Any], name: str, supported: tuple[str, ...]) -> str | None:
    value = _text(body, name)
    if value is not None and value not in supported:
        raise wrong_value(value, name, supported)
    return value
