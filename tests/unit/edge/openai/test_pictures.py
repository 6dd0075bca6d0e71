"""Pictures of earlier answers, in each way in which clients keep them."""

from typing import Any

import pytest

from services.edge.openai.chat_request import translate_chat
from services.edge.openai.signatures import SKIP_SIGNATURE

OLD, NEW = "gemini-2.5-flash-image", "gemini-3-pro-image-preview"
URL = "data:image/png;base64,AAAA"
SIGNED: dict[str, Any] = {"extra_content": {"google": {"thought_signature": "c2ln"}}}


def image(url: str = URL, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "index": 0, "image_url": {"url": url}, **more}


def answer_of(model: str, content: Any, images: list[Any]) -> tuple[list[Any], tuple[str, ...]]:
    messages = [
        {"role": "user", "content": "draw"},
        {"role": "assistant", "content": content, "images": images},
        {"role": "user", "content": "bigger"},
    ]
    plan = translate_chat({"model": model, "messages": messages})
    return plan.gemini_body["contents"][1]["parts"], plan.ignored


@pytest.mark.parametrize("images", [[SIGNED], [image(**SIGNED)], [image(**SIGNED)] * 2])
def test_a_picture_in_the_text_gets_its_signature(images: list[Any]) -> None:
    parts, ignored = answer_of(NEW, f"Here:\n\n![image]({URL})", images)

    assert parts == [
        {"text": "Here:\n\n"},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thoughtSignature": "c2ln"},
    ]
    assert ignored == ()


def test_two_equal_pictures_get_a_signature_each() -> None:
    other: dict[str, Any] = {"extra_content": {"google": {"thought_signature": "b3Ro"}}}

    parts, _ = answer_of(NEW, f"![a]({URL})![b]({URL})", [image(**SIGNED), image(**other)])

    assert [part["thoughtSignature"] for part in parts] == ["c2ln", "b3Ro"]


@pytest.mark.parametrize("model", [OLD, NEW])
def test_a_picture_beside_the_text_is_a_picture_too(model: str) -> None:
    parts, ignored = answer_of(model, "Here:", [image()])

    signature = {"thoughtSignature": SKIP_SIGNATURE} if model == NEW else {}
    assert parts == [
        {"text": "Here:"},
        {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, **signature},
    ]
    assert ignored == ()


def test_a_picture_elsewhere_is_named() -> None:
    parts, ignored = answer_of(NEW, "Here:", [image("https://example.com/a.png")])

    assert parts == [{"text": "Here:"}]
    assert ignored == ("messages[].images[].image_url",)
