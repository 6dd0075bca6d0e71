"""Pictures, sound and files in messages."""

import base64
from typing import Any

import pytest

from services.edge.openai.chat_request import translate_chat
from services.edge.openai.errors import BadRequestError
from tests.support.edge_in_memory import KEY, EdgeInMemory, Script

PIXEL = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(8)).decode()
FILE = "https://generativelanguage.googleapis.com/v1beta/files/abc-123"


def body_of(*parts: dict[str, Any]) -> dict[str, Any]:
    messages = [{"role": "user", "content": list(parts)}]
    return translate_chat({"model": "gemini-2.5-flash", "messages": messages}).gemini_body


def part_of(part: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = body_of(part)["contents"][0]["parts"][0]
    return result


def image(url: str, **more: Any) -> dict[str, Any]:
    return {"type": "image_url", "image_url": {"url": url, **more}}


def file(**fields: Any) -> dict[str, Any]:
    return {"type": "file", "file": fields}


def inline(media_type: str, data: str = PIXEL) -> dict[str, Any]:
    return {"inlineData": {"mimeType": media_type, "data": data}}


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (image(f"data:image/png;base64,{PIXEL}"), inline("image/png")),
        (image(f"data:image/jpg;base64,{PIXEL}"), inline("image/jpeg")),
        (image(f"DATA:Image/PNG;charset=x;BASE64,{PIXEL}"), inline("image/png")),
        ({"type": "image_url", "image_url": f"data:image/png;base64,{PIXEL}"}, inline("image/png")),
        (image("data:text/plain,a%20b"), inline("text/plain", "YSBi")),
        (image("data:image/png;base64,-_8"), inline("image/png", "+/8=")),
        (image("data:image/png;base64,AA\nAA"), inline("image/png", "AAAA")),
        (image(FILE), {"fileData": {"fileUri": FILE}}),
        (image("files/abc-123"), {"fileData": {"fileUri": FILE}}),
        (
            image("http://localhost:8000/gemini/v1beta/files/abc-123"),
            {"fileData": {"fileUri": "http://localhost:8000/gemini/v1beta/files/abc-123"}},
        ),
        (
            image(f"{FILE}:download?alt=media"),
            {"fileData": {"fileUri": f"{FILE}:download?alt=media"}},
        ),
        (image("gs://b/o.png"), {"fileData": {"fileUri": "gs://b/o.png"}}),
        (
            {"type": "video_url", "video_url": {"url": "https://youtu.be/x1"}},
            {"fileData": {"fileUri": "https://youtu.be/x1"}},
        ),
        (
            {"type": "input_audio", "input_audio": {"data": PIXEL, "format": "wav"}},
            inline("audio/wav"),
        ),
        (
            {"type": "input_video", "input_video": {"data": PIXEL, "format": "video/mp4"}},
            inline("video/mp4"),
        ),
        (file(file_data=f"data:application/pdf;base64,{PIXEL}"), inline("application/pdf")),
        (file(file_data=PIXEL, filename="a.pdf"), inline("application/pdf")),
        (file(file_id="file-abc-123"), {"fileData": {"fileUri": FILE}}),
        (
            file(file_id="files/abc-123", filename="a.pdf"),
            {"fileData": {"fileUri": FILE, "mimeType": "application/pdf"}},
        ),
        (file(file_id=FILE), {"fileData": {"fileUri": FILE}}),
    ],
)
def test_media_are_translated(part: dict[str, Any], expected: dict[str, Any]) -> None:
    assert part_of(part) == expected


@pytest.mark.parametrize(
    ("part", "code"),
    [
        (image("data:image/png;base64,@@@"), "invalid_base64"),
        (image("data:image/png;base64,"), "invalid_base64"),
        (image("data:image/png"), "invalid_value"),
        (image(f"data:;base64,{PIXEL}"), "invalid_value"),
        (image("ftp://x/y.png"), "invalid_value"),
        (image(""), "empty_string"),
        (image("https://example.com/a.png"), "remote_media_not_supported"),
        (image(f"data:image/png;base64,{PIXEL}", detail="huge"), "invalid_value"),
        (file(file_data=PIXEL), "invalid_value"),
        (file(file_id="file_abc"), "invalid_value"),
        (file(), "missing_required_parameter"),
        ({"type": "input_audio", "input_audio": {"data": PIXEL}}, "missing_required_parameter"),
    ],
)
def test_media_that_cannot_be_sent_are_refused(part: dict[str, Any], code: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        body_of(part)

    assert caught.value.code == code


def test_remote_media_wait_for_whoever_fetches_them() -> None:
    messages = [{"role": "user", "content": [image("https://example.com/a.png")]}]

    plan = translate_chat(
        {"model": "gemini-2.5-flash", "messages": messages}, allow_remote_media=True
    )
    (media,) = plan.remote_media
    media.fill("image/jpg; charset=binary", b"\x00\x10\x83")

    assert media.url == "https://example.com/a.png"
    assert plan.gemini_body["contents"][0]["parts"] == [inline("image/jpeg", "ABCD")]


@pytest.mark.parametrize(
    ("details", "resolution", "ignored"),
    [
        ([None], None, ()),
        (["auto"], None, ()),
        (["original"], "MEDIA_RESOLUTION_HIGH", ()),
        (["low", "low"], "MEDIA_RESOLUTION_LOW", ()),
        (["auto", "high"], "MEDIA_RESOLUTION_HIGH", ()),
        (["low", "high"], "MEDIA_RESOLUTION_HIGH", ("messages[].content[].image_url.detail",)),
        (["low", "auto"], None, ("messages[].content[].image_url.detail",)),
    ],
)
def test_one_resolution_must_do_for_all_images(
    details: list[str | None], resolution: str | None, ignored: tuple[str, ...]
) -> None:
    parts = [image("files/abc", detail=detail) for detail in details]
    messages = [{"role": "user", "content": parts}]

    plan = translate_chat({"model": "gemini-2.5-flash", "messages": messages})

    assert plan.gemini_body.get("generationConfig", {}).get("mediaResolution") == resolution
    assert plan.ignored == ignored


@pytest.mark.parametrize("file_id", ["file-abc-123", "files/abc-123", FILE])
async def test_a_file_is_cited_by_its_id(file_id: str) -> None:
    edge = EdgeInMemory()
    reply = b'{"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]}'
    messages = [{"role": "user", "content": [file(file_id=file_id)]}]

    await edge.post(
        "/v1/chat/completions", {"model": "gemini-2.5-flash", "messages": messages}, Script([reply])
    )

    assert edge.desk.needs[-1].project == KEY.project_id
    assert [binding.name for binding in edge.upstream.calls[-1].cited] == ["files/abc-123"]
