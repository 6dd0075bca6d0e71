"""The content of a message: a string or a list of parts, as parts of a Gemini turn."""

from typing import Any

from services.edge.openai.fields import (
    note_others,
    read_list,
    read_name,
    read_object,
    read_string,
    wrong_type,
    wrong_value,
)
from services.edge.openai.media import MediaReader, Part

_TEXT_KINDS = ("text", "refusal")
_ALL_KINDS = ("text", "image_url", "input_audio", "file", "refusal", "video_url", "input_video")


def read_content(value: object, param: str, media: MediaReader) -> list[Part]:
    """Return the parts of any content; empty texts are left out, as Gemini refuses them."""
    if isinstance(value, str):
        return [{"text": value}] if value else []
    parts = []
    for place, item in enumerate(_items(value, param)):
        where = f"{param}[{place}]"
        part = _read_part(read_object(item, where), where, media)
        if part is not None:
            parts.append(part)
    return parts


def read_text_content(value: object, param: str, ignored: list[str]) -> list[str]:
    """Return the texts of content that may hold nothing but text."""
    if isinstance(value, str):
        return [value] if value else []
    texts = []
    for place, item in enumerate(_items(value, param)):
        where = f"{param}[{place}]"
        holder = read_object(item, where)
        kind = read_name(holder.get("type"), f"{where}.type")
        if kind not in _TEXT_KINDS:
            raise wrong_value(kind, f"{where}.type", _TEXT_KINDS)
        note_others(holder, ("type", kind), where, ignored)
        text = read_string(holder.get(kind), f"{where}.{kind}")
        if text:
            texts.append(text)
    return texts


def _items(value: object, param: str) -> list[Any]:
    if isinstance(value, list):
        return value
    if value is None:
        return read_list(value, param)
    raise wrong_type(value, param, "one of a string or array of objects")


def _read_part(holder: dict[str, Any], param: str, media: MediaReader) -> Part | None:
    kind = read_name(holder.get("type"), f"{param}.type")
    where = f"{param}.{kind}"
    value = holder.get(kind)
    note_others(holder, ("type", kind), param, media.ignored)
    match kind:
        case "text" | "refusal":
            text = read_string(value, where)
            return {"text": text} if text else None
        case "image_url" | "video_url":
            return media.read_address(value, where)
        case "input_audio" | "input_video":
            return media.read_sound(value, where, kind.removeprefix("input_"))
        case "file":
            return media.read_file(value, where)
        case _:
            raise wrong_value(kind, f"{param}.type", _ALL_KINDS)
