"""What Google's drawing models answer, as OpenAI's list of pictures."""

import binascii
import struct
from dataclasses import dataclass
from typing import Any

from services.edge.openai.finish import native_reason

POLICY = "content_policy_violation"

_LONGEST_TEXT = 500
# A multiple of four; embedded colour profiles and previews stand before the size.
_HEAD = 256 * 1024
_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG_FRAMES = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
_KINDS = {"TEXT": "text_tokens", "IMAGE": "image_tokens"}
_REFUSALS = frozenset(
    {
        "BLOCKLIST",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "IMAGE_SAFETY",
        "MODEL_ARMOR",
        "PROHIBITED_CONTENT",
        "RECITATION",
        "SAFETY",
        "SPII",
    }
)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it came.

    Attributes:
        media_type: Such as `image/png`.
        data: Base64.
        revised_prompt: What the model has made of the prompt, if it says so.
    """

    media_type: str
    data: str
    revised_prompt: str | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Why there is no picture.

    Attributes:
        code: Machine-readable, in OpenAI's word where it has one.
        message: For the client.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Drawn:
    """What one upstream call has brought.

    Attributes:
        pictures: In their order.
        problems: One for each picture that is missing.
        usage: Google's usageMetadata, empty when it told none.
    """

    pictures: tuple[Picture, ...]
    problems: tuple[Problem, ...]
    usage: dict[str, Any]


def read_drawing(answer: dict[str, Any]) -> Drawn:
    """Return what a generateContent has drawn; drafts of its thoughts are left out."""
    usage = answer.get("usageMetadata")
    usage = usage if isinstance(usage, dict) else {}
    pictures, texts, reason, detail = [], [], None, None
    for candidate in _objects(answer.get("candidates")):
        reason = native_reason(candidate.get("finishReason")) or reason
        detail = candidate.get("finishMessage") or detail
        content = candidate.get("content")
        for part in _objects(content.get("parts") if isinstance(content, dict) else None):
            if part.get("thought"):
                continue
            if isinstance(part.get("text"), str):
                texts.append(part["text"])
            elif (picture := _picture(part.get("inlineData"))) is not None:
                pictures.append(picture)
    if pictures:
        return Drawn(tuple(pictures), (), usage)
    feedback = answer.get("promptFeedback")
    if isinstance(feedback, dict) and (blocked := native_reason(feedback.get("blockReason"))):
        return Drawn((), (_refused(blocked, feedback.get("blockReasonMessage")),), usage)
    if reason in _REFUSALS:
        return Drawn((), (_refused(str(reason), detail or "".join(texts)),), usage)
    why = "".join(texts).strip() or str(detail or reason or "it said nothing")
    problem = Problem("no_image", f"The model has drawn nothing: {why[:_LONGEST_TEXT]}")
    return Drawn((), (problem,), usage)


def read_predictions(answer: dict[str, Any], wanted: int) -> Drawn:
    """Return what a `:predict` has drawn.

    Args:
        answer: Google's.
        wanted: How many pictures were asked for; what was filtered out is missing or explained.
    """
    pictures, problems = [], []
    for prediction in _objects(answer.get("predictions")):
        data = prediction.get("bytesBase64Encoded")
        if isinstance(data, str) and data:
            media_type = prediction.get("mimeType")
            revised = prediction.get("prompt")
            pictures.append(
                Picture(
                    media_type if isinstance(media_type, str) else "image/png",
                    data,
                    revised if isinstance(revised, str) and revised else None,
                )
            )
        elif prediction.get("raiFilteredReason"):
            problems.append(_refused("filtered", prediction["raiFilteredReason"]))
    unexplained = wanted - len(pictures) - len(problems)
    problems += [_refused("filtered", None)] * max(0, unexplained)
    return Drawn(tuple(pictures), tuple(problems), {})


def translate_image_usage(usages: list[dict[str, Any]]) -> dict[str, Any] | None:
    """Return OpenAI's usage for the usageMetadata of all calls; None when there was none."""
    told = [usage for usage in usages if usage]
    if not told:
        return None
    prompt = sum(_count(usage, "promptTokenCount") for usage in told)
    output = sum(
        _count(usage, "candidatesTokenCount") + _count(usage, "thoughtsTokenCount")
        for usage in told
    )
    return {
        "input_tokens": prompt,
        "input_tokens_details": _details(told, "promptTokensDetails"),
        "output_tokens": output,
        "output_tokens_details": _details(told, "candidatesTokensDetails"),
        "total_tokens": sum(_count(usage, "totalTokenCount") for usage in told) or prompt + output,
    }


def picture_size(data: str) -> str | None:
    """Return the width and height of a PNG or JPEG in base64, as OpenAI writes them.

    None of other pictures, and of one whose size stands too deep in it.
    """
    try:
        content = binascii.a2b_base64(data[:_HEAD])
    except ValueError:
        return None
    if content.startswith(_PNG) and len(content) >= 24:
        width, height = struct.unpack(">II", content[16:24])
        return f"{width}x{height}"
    if not content.startswith(b"\xff\xd8"):
        return None
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker, length = content[at + 1], int.from_bytes(content[at + 2 : at + 4])
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", content[at + 5 : at + 9])
            return f"{width}x{height}"
        at += 2 + length
    return None


def _picture(inline: object) -> Picture | None:
    if not isinstance(inline, dict):
        return None
    media_type, data = inline.get("mimeType"), inline.get("data")
    if not isinstance(media_type, str) or not isinstance(data, str) or not data:
        return None
    return Picture(media_type, data) if media_type.startswith("image/") else None


def _refused(reason: str, detail: object) -> Problem:
    text = f"The request was refused for its content ({reason})."
    if isinstance(detail, str) and detail.strip():
        text += f" {detail.strip()[:_LONGEST_TEXT]}"
    return Problem(POLICY, text)


def _details(usages: list[dict[str, Any]], name: str) -> dict[str, int]:
    sums = {"text_tokens": 0, "image_tokens": 0}
    for usage in usages:
        for detail in _objects(usage.get(name)):
            if kind := _KINDS.get(str(detail.get("modality"))):
                sums[kind] += _count(detail, "tokenCount")
    return sums


def _count(holder: dict[str, Any], name: str) -> int:
    value = holder.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _objects(value: object) -> list[dict[str, Any]]:
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, dict)]
