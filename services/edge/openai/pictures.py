"""Pictures that the model has made, in its earlier answers as clients send them back."""

import re
from typing import Any

from services.edge.openai.fields import note_others, read_list, read_object
from services.edge.openai.media import Part, inline_part
from services.edge.openai.signatures import SKIP_SIGNATURE, note_unread_google, read_signature
from services.edge.openai.thinking import ModelFamily

# How answers show pictures; see choice.py.
_PICTURE = re.compile(
    r"!\[[^\[\]\n]{0,200}\]\((data:image/[a-zA-Z0-9.+\-]{1,50};base64,[A-Za-z0-9+/=]+)\)"
)


def split_pictures(text: str, param: str) -> list[Part]:
    """Return an earlier answer's text with the pictures in it as pictures again.

    As text, their base64 would cost the client a token for every few letters.
    """
    if "](data:image/" not in text:
        return [{"text": text}] if text else []
    parts: list[Part] = []
    end = 0
    for found in _PICTURE.finditer(text):
        before = text[end : found.start()]
        if before.strip():
            parts.append({"text": before})
        parts.append(inline_part(found[1], param))
        end = found.end()
    rest = text[end:]
    if rest.strip():
        parts.append({"text": rest})
    return parts


def add_pictures(
    message: dict[str, Any],
    param: str,
    spoken: list[Part],
    family: ModelFamily,
    ignored: list[str],
) -> list[Part]:
    """Return the pictures of `images` that the text does not show, and sign all of them.

    Editing a picture needs its signature, which travels in `images`.
    """
    shown = [part for part in spoken if "inlineData" in part]
    added: list[Part] = []
    images: list[Any] = []
    if message.get("images") is not None:
        images = read_list(message["images"], f"{param}.images")
    for place, item in enumerate(images):
        where = f"{param}.images[{place}]"
        image = read_object(item, where)
        part = _picture(image, where, ignored)
        if part is None:
            # Some clients keep the signatures only, in the order of the pictures.
            part = shown[place] if place < len(shown) else {}
        else:
            same = [one for one in shown if one["inlineData"] == part["inlineData"]]
            unsigned = [one for one in same if "thoughtSignature" not in one]
            if same:
                part = (unsigned or same)[0]
            else:
                added.append(part)
        signature = read_signature(image, where)
        if signature and family.is_modern:
            part["thoughtSignature"] = signature
    if family.is_modern:
        for part in (*shown, *added):
            part.setdefault("thoughtSignature", SKIP_SIGNATURE)
    return added


def _picture(image: dict[str, Any], param: str, ignored: list[str]) -> Part | None:
    """Return the part of one of `images`; None for one that is no data URL."""
    note_unread_google(image, param, ("thought_signature",), ignored)
    note_others(image, ("type", "index", "image_url", "extra_content"), param, ignored)
    holder = image.get("image_url")
    url = holder.get("url") if isinstance(holder, dict) else None
    if isinstance(url, str) and url[:5].lower() == "data:":
        return inline_part(url, f"{param}.image_url.url")
    note_others(image, ("type", "index", "extra_content"), param, ignored)
    return None
