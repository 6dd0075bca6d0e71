"""The content of messages and of results: a string or a list of parts, as Gemini's parts."""

from typing import Any

from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import (
    missing,
    note_others,
    read_list,
    read_name,
    read_object,
    read_string,
    wrong_type,
    wrong_value,
)
from services.edge.openai.media import MediaReader, Part, file_part, file_uri

_DETAILS = ("auto", "low", "high", "original")
_USER_KINDS = ("input_text", "input_image", "input_file", "input_audio")
_MODEL_KINDS = ("output_text", "refusal", "input_text")
_TEXT_KINDS = ("input_text",)


def read_user_content(value: object, param: str, media: MediaReader) -> list[Part]:
    """Return the parts of any content; empty texts are left out, as Gemini refuses them."""
    parts: list[Part] = []
    for kind, holder, where in _pieces(value, param, "input_text"):
        match kind:
            # Results of tools are texts as the tool has them.
            case "input_text" | "text" | "output_text":
                parts += _text(holder, "text", where, media.ignored)
            case "input_image":
                parts.append(_image(holder, where, media))
            case "input_file":
                held = {name: each for name, each in holder.items() if name != "type"}
                parts.append(media.read_file(held, where))
            case "input_audio":
                note_others(holder, ("type", "input_audio"), where, media.ignored)
                sound = holder.get("input_audio")
                parts.append(media.read_sound(sound, f"{where}.input_audio", "audio"))
            case _:
                raise wrong_value(kind, f"{where}.type", _USER_KINDS)
    return parts


def read_texts(value: object, param: str, ignored: list[str]) -> list[Part]:
    """Return the parts of content that may hold nothing but text."""
    parts: list[Part] = []
    for kind, holder, where in _pieces(value, param, "input_text"):
        if kind not in _TEXT_KINDS:
            raise wrong_value(kind, f"{where}.type", _TEXT_KINDS)
        parts += _text(holder, "text", where, ignored)
    return parts


def read_model_content(value: object, param: str, ignored: list[str]) -> list[Part]:
    """Return the parts of what the model has said."""
    parts: list[Part] = []
    for kind, holder, where in _pieces(value, param, "output_text"):
        if kind not in _MODEL_KINDS:
            raise wrong_value(kind, f"{where}.type", _MODEL_KINDS)
        name = "refusal" if kind == "refusal" else "text"
        parts += _text(holder, name, where, ignored)
    return parts


def _pieces(value: object, param: str, kind: str) -> list[tuple[str, dict[str, Any], str]]:
    """Return the parts of content, each with its kind and its path; a string is one text."""
    if isinstance(value, str):
        return [(kind, {"type": kind, "text": value}, param)]
    if value is not None and not isinstance(value, list):
        raise wrong_type(value, param, "one of a string or array of objects")
    pieces = []
    for place, item in enumerate(read_list(value, param)):
        where = f"{param}[{place}]"
        holder = read_object(item, where)
        pieces.append((read_name(holder.get("type"), f"{where}.type"), holder, where))
    return pieces


def _text(holder: dict[str, Any], name: str, param: str, ignored: list[str]) -> list[Part]:
    note_others(holder, ("type", name), param, ignored)
    text = read_string(holder.get(name), f"{param}.{name}")
    return [{"text": text}] if text else []


def _image(holder: dict[str, Any], param: str, media: MediaReader) -> Part:
    detail = "auto"
    if holder.get("detail") is not None:
        detail = read_string(holder["detail"], f"{param}.detail")
        if detail not in _DETAILS:
            raise wrong_value(detail, f"{param}.detail", _DETAILS)
    media.details.append(detail)
    source = "image_url" if holder.get("image_url") is not None else "file_id"
    note_others(holder, ("type", "detail", source), param, media.ignored)
    where = f"{param}.{source}"
    if holder.get(source) is None:
        raise missing(f"{param}.image_url")
    name = read_name(holder[source], where)
    if source == "image_url":
        return media.locate(name, where)
    uri = file_uri(name)
    if uri is None:
        raise BadRequestError(
            f"Invalid '{where}': expected the id, name or URI of an uploaded file, such as "
            "'file-abc123' or 'files/abc123'.",
            where,
            "invalid_value",
        )
    return file_part(uri, None)
