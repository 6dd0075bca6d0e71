"""Edits of pictures that come as forms, as OpenAI's SDKs send them."""

import base64
import re
from typing import Any

from services.edge.errors import bad_request
from services.edge.forms import FormField
from services.edge.media_kinds import media_type_of
from services.edge.openai.media import Part

_SOURCE = re.compile(r"image(?:\[[0-9]{0,4}\])?")
_NUMBERS = frozenset({"n", "output_compression", "partial_images"})
_WHOLE = re.compile(r"-?[0-9]{1,9}")
_BOOLEANS = {"true": True, "false": False}


def read_edit(fields: list[FormField]) -> tuple[dict[str, Any], list[Part]]:
    """Return what a form says as a JSON body would, and the pictures in it.

    Raises:
        ApiError: 400 for a picture that is none.
    """
    body: dict[str, Any] = {}
    sources: list[Part] = []
    for field in fields:
        if _SOURCE.fullmatch(field.name):
            if field.is_file:
                sources.append(_picture(field))
            else:
                body.setdefault("image", []).append(field.text())
        elif field.is_file:
            # Such as a mask: what becomes of it is decided where all fields are known.
            body[field.name] = field.file_name or field.mime_type
        else:
            body[field.name] = _value(field.name, field.text())
    return body, sources


def _picture(field: FormField) -> Part:
    told = field.mime_type.partition(";")[0].strip().lower()
    media_type = media_type_of(field.content) or told
    if not field.content or not media_type.startswith("image/"):
        raise bad_request(
            f"Invalid '{field.name}': expected a picture.", code="invalid_image", param="image"
        )
    data = base64.b64encode(field.content).decode()
    return {"inlineData": {"mimeType": media_type, "data": data}}


def _value(name: str, text: str) -> Any:
    """Return a field as JSON has it; what is none of it stays text and is refused as such."""
    if name in _NUMBERS and _WHOLE.fullmatch(text):
        return int(text)
    return _BOOLEANS.get(text, text) if name == "stream" else text
