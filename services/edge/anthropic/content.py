"""What the user says: a string or a list of blocks, as parts of a Gemini turn."""

from typing import Any

from services.edge.openai.errors import BadRequestError
from services.edge.openai.fields import (
    note_others,
    read_list,
    read_name,
    read_object,
    read_string,
    wrong_type,
    wrong_value,
)
from services.edge.openai.media import MediaReader, Part, file_part, file_uri, inline_data

USER_KINDS = ("text", "image", "document", "search_result", "tool_result")
_KINDS = USER_KINDS[:-1]
_TEXT_KINDS = ("text",)
_SOURCES = {
    "image": ("base64", "url", "file"),
    "document": ("base64", "url", "file", "text", "content"),
}
_PDF = "application/pdf"


def read_blocks(value: object, param: str) -> list[tuple[str, dict[str, Any], str]]:
    """Return the blocks of any content, each with its kind and its path.

    A string is a block of text.
    """
    if isinstance(value, str):
        return [("text", {"type": "text", "text": value}, param)]
    if value is not None and not isinstance(value, list):
        raise wrong_type(value, param, "one of a string or array of objects")
    blocks = []
    for place, item in enumerate(read_list(value, param)):
        where = f"{param}[{place}]"
        block = read_object(item, where)
        blocks.append((read_name(block.get("type"), f"{where}.type"), block, where))
    return blocks


def read_texts(value: object, param: str, ignored: list[str]) -> list[Part]:
    """Return the parts of content that may hold nothing but text."""
    return [
        part
        for kind, block, where in read_blocks(value, param)
        for part in read_text(kind, block, where, ignored)
    ]


def read_text(kind: str, block: dict[str, Any], param: str, ignored: list[str]) -> list[Part]:
    """Return a block of text; none for an empty one, which Gemini refuses."""
    if kind != "text":
        raise wrong_value(kind, f"{param}.type", _TEXT_KINDS)
    note_others(block, ("type", "text"), param, ignored)
    text = read_string(block.get("text"), f"{param}.text")
    return [{"text": text}] if text else []


def read_part(kind: str, block: dict[str, Any], param: str, media: MediaReader) -> list[Part]:
    """Return the parts of a block that is no result of a tool."""
    match kind:
        case "text":
            return read_text(kind, block, param, media.ignored)
        case "image":
            note_others(block, ("type", "source"), param, media.ignored)
            return _read_source("image", block, f"{param}.source", media)
        case "document":
            note_others(block, ("type", "source", "title", "context"), param, media.ignored)
            return _about(block, ("title", "context"), param) + _read_source(
                "document", block, f"{param}.source", media
            )
        case "search_result":
            note_others(block, ("type", "source", "title", "content"), param, media.ignored)
            found = _about(block, ("title", "source"), param)
            return found + read_texts(block.get("content"), f"{param}.content", media.ignored)
    raise wrong_value(kind, f"{param}.type", _KINDS)


def _about(block: dict[str, Any], names: tuple[str, ...], param: str) -> list[Part]:
    """Return what a block says of itself, as the text that stands before it."""
    told = [
        read_string(block[name], f"{param}.{name}") for name in names if block.get(name) is not None
    ]
    text = "\n".join(filter(None, told))
    return [{"text": text}] if text else []


def _read_source(kind: str, block: dict[str, Any], param: str, media: MediaReader) -> list[Part]:
    source = read_object(block.get("source"), param)
    form = read_name(source.get("type"), f"{param}.type")
    if form not in _SOURCES[kind]:
        raise wrong_value(form, f"{param}.type", _SOURCES[kind])
    match form:
        case "base64":
            note_others(source, ("type", "media_type", "data"), param, media.ignored)
            media_type = source.get("media_type")
            if media_type is None and kind == "document":
                media_type = _PDF
            media_type = read_name(media_type, f"{param}.media_type")
            data = read_name(source.get("data"), f"{param}.data")
            return [inline_data(media_type, data, f"{param}.data")]
        case "url":
            note_others(source, ("type", "url"), param, media.ignored)
            url = read_name(source.get("url"), f"{param}.url")
            return [media.locate(url, f"{param}.url")]
        case "file":
            note_others(source, ("type", "file_id"), param, media.ignored)
            return [_file(source, f"{param}.file_id")]
        case "text":
            note_others(source, ("type", "media_type", "data"), param, media.ignored)
            text = read_string(source.get("data"), f"{param}.data")
            return [{"text": text}] if text else []
    note_others(source, ("type", "content"), param, media.ignored)
    return [
        part
        for inner, held, where in read_blocks(source.get("content"), f"{param}.content")
        for part in _read_held(inner, held, where, media)
    ]


def _read_held(kind: str, block: dict[str, Any], param: str, media: MediaReader) -> list[Part]:
    """Return the parts of a block within a document: documents hold no documents."""
    if kind not in {"text", "image"}:
        raise wrong_value(kind, f"{param}.type", ("text", "image"))
    return read_part(kind, block, param, media)


def _file(source: dict[str, Any], param: str) -> Part:
    file_id = read_name(source.get("file_id"), param)
    uri = file_uri(file_id)
    if uri is None:
        raise BadRequestError(
            f"Invalid '{param}': expected the id, name or URI of an uploaded file, such as "
            "'file-abc123' or 'files/abc123'.",
            param,
            "invalid_value",
        )
    return file_part(uri, None)
