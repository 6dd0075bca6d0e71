"""Pictures by the real `openai` SDK: drawn, edited, hosted."""

import base64
import re
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import openai
import pytest
from gemini_balance.keypool.v1 import admin_pb2 as pb
from openai.types import ImagesResponse

from services.simulator.control import Received
from services.simulator.media import png
from tests.support.system import Pool, System

IMAGEN = "imagen-4.0-generate-001"
GEMINI_3 = "gemini-3-pro-image-preview"
GENERATIONS, EDITS = "/v1/images/generations", "/v1/images/edits"


@dataclass(frozen=True)
class Painter:
    """A client with keys of its own."""

    system: System
    pool: Pool
    sdk: openai.AsyncOpenAI
    http: httpx.AsyncClient

    async def requests(self) -> list[Received]:
        """Return what has reached Google with this client's keys."""
        async with self.system.control() as control:
            return [one for one in await control.requests(500) if one.key in self.pool.keys]


@pytest.fixture
async def painter(system: System) -> AsyncIterator[Painter]:
    pool = await system.new_pool(3)
    async with (
        openai.AsyncOpenAI(api_key=pool.token, base_url=f"{system.url}/v1", max_retries=0) as sdk,
        system.client(pool) as http,
    ):
        yield Painter(system, pool, sdk, http)


def bytes_of(answer: ImagesResponse) -> list[bytes]:
    assert answer.data is not None
    assert all(each.b64_json for each in answer.data)
    return [base64.b64decode(each.b64_json or "") for each in answer.data]


def size_of(picture: bytes) -> tuple[int, int]:
    assert picture.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


async def test_the_url_and_the_base64_are_the_same_picture(painter: Painter) -> None:
    answer = await painter.sdk.images.generate(prompt="a cat", size="1792x1024")
    inline = await painter.sdk.images.generate(
        prompt="a cat", size="1792x1024", response_format="b64_json"
    )

    assert answer.data is not None
    [shown] = answer.data
    assert shown.b64_json is None
    assert shown.url is not None
    assert re.fullmatch(rf"{painter.system.url}/media/[A-Za-z0-9_\-]{{22}}", shown.url)
    async with httpx.AsyncClient() as anybody:
        picture = await anybody.get(shown.url)
    assert picture.status_code == 200
    assert [picture.content] == bytes_of(inline)
    width, height = size_of(picture.content)
    assert abs(width / height - 16 / 9) < 0.02
    assert answer.size == f"{width}x{height}"
    assert answer.output_format == "png"
    assert answer.created > 1_700_000_000


async def test_usage(painter: Painter) -> None:
    answer = await painter.sdk.images.generate(prompt="a cat", n=2)

    assert answer.usage is not None
    assert answer.usage.output_tokens_details is not None
    assert answer.usage.output_tokens_details.image_tokens == 2 * 1290
    assert answer.usage.input_tokens_details.text_tokens > 0
    assert answer.usage.total_tokens == answer.usage.input_tokens + answer.usage.output_tokens


async def test_several_pictures_are_several_calls(painter: Painter) -> None:
    answer = await painter.sdk.images.generate(prompt="a cat", n=6)

    assert answer.data is not None
    assert len({each.url for each in answer.data}) == 6
    requests = await painter.requests()
    assert [one.model for one in requests] == ["gemini-2.5-flash-image"] * 6
    assert len({one.key for one in requests}) > 1


async def test_imagen(painter: Painter) -> None:
    answer = await painter.sdk.images.generate(
        model=IMAGEN, prompt="a cat", n=6, size="1024x1536", response_format="b64_json"
    )

    pictures = bytes_of(answer)
    assert len(pictures) == 6
    assert len(set(pictures)) > 1
    assert {size_of(picture) for picture in pictures} == {(64, 85)}
    requests = await painter.requests()
    assert sorted(one.json()["parameters"]["sampleCount"] for one in requests) == [2, 4]
    assert {one.verb for one in requests} == {"predict"}


@pytest.mark.parametrize("model", ["gpt-image-1", "dall-e-3"])
async def test_models_of_openai(painter: Painter, model: str) -> None:
    answer = await painter.sdk.images.generate(model=model, prompt="a cat")

    assert answer.data is not None
    assert answer.data[0].url
    # Programs for these models read the bytes without having asked for them.
    assert bool(answer.data[0].b64_json) == (model == "gpt-image-1")
    [request] = await painter.requests()
    assert request.model == "gemini-2.5-flash-image"


async def test_a_large_picture_of_a_newer_model(painter: Painter) -> None:
    await painter.sdk.images.generate(model=GEMINI_3, prompt="a cat", size="3840x2160")

    [request] = await painter.requests()
    wish = request.json()["generationConfig"]["imageConfig"]
    assert wish == {"aspectRatio": "16:9", "imageSize": "4K"}


async def test_what_is_ignored_is_named(painter: Painter) -> None:
    raw = await painter.sdk.images.with_raw_response.generate(
        prompt="a cat",
        quality="hd",
        style="vivid",
        user="me",
        background="transparent",
        output_format="webp",
        size="2048x2048",
    )

    names = raw.headers["x-gemini-balance-ignored"].split(",")
    assert sorted(names) == ["background", "output_format", "quality", "size", "style", "user"]
    answer = raw.parse()
    assert (answer.output_format, answer.background) == ("png", "opaque")
    plain = await painter.sdk.images.with_raw_response.generate(prompt="a cat", quality="auto")
    assert "x-gemini-balance-ignored" not in plain.headers


@pytest.mark.parametrize("model", ["gemini-2.5-flash-image", IMAGEN])
@pytest.mark.parametrize("word", ["[[block]]", "[[safety]]"])
async def test_a_refused_prompt(painter: Painter, model: str, word: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await painter.sdk.images.generate(model=model, prompt=f"a cat {word}")

    assert caught.value.code == "content_policy_violation"
    assert caught.value.type == "invalid_request_error"


async def test_a_model_that_talks_instead(painter: Painter) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await painter.sdk.images.generate(prompt="[[talk]] why?")

    assert caught.value.code == "no_image"
    assert "heard" in caught.value.message


async def test_pictures_that_are_missing_are_told(painter: Painter) -> None:
    raw = await painter.sdk.images.with_raw_response.generate(
        model=IMAGEN, prompt="a cat [[filter 3]]", n=4
    )

    answer = raw.parse()
    assert answer.data is not None
    assert len(answer.data) == 1
    assert raw.headers["x-gemini-balance-failures"] == "3"
    codes = [failure["code"] for failure in answer.model_extra["failures"]]  # type: ignore[index]  # the SDK keeps what it does not know
    assert codes == ["content_policy_violation"] * 3


async def test_a_call_that_fails_beside_others(painter: Painter) -> None:
    async with painter.system.control() as control:
        await control.add_fault("garbage", key=painter.pool.keys[0], count=1)

    raw = await painter.sdk.images.with_raw_response.generate(prompt="a cat", n=4)

    answer = raw.parse()
    assert answer.data is not None
    assert len(answer.data) == 3
    assert raw.headers["x-gemini-balance-failures"] == "1"
    assert answer.model_extra["failures"][0]["code"] == "bad_upstream"  # type: ignore[index]  # as above


async def test_a_mistake_of_the_client_is_made_once(painter: Painter) -> None:
    with pytest.raises(openai.NotFoundError):
        await painter.sdk.images.generate(model="gemini-9-image", prompt="a cat", n=10)

    assert len(await painter.requests()) <= 4
    keys = await painter.system.keys_of(painter.pool)
    assert {key.state for key in keys.values()} == {pb.Key.STATE_ACTIVE}


async def test_streams_are_refused(painter: Painter) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await painter.sdk.images.generate(prompt="a cat", stream=True)
    assert caught.value.param == "stream"
    with pytest.raises(openai.BadRequestError) as caught:
        await painter.sdk.images.generate(prompt="a cat", partial_images=2)
    assert caught.value.param == "partial_images"
    assert await painter.requests() == []


async def test_a_token_for_some_models_only(painter: Painter) -> None:
    async with painter.system.admin() as admin:
        made = await admin.call(
            "CreateToken",
            pb.CreateTokenRequest(
                name="some", pool=painter.pool.name, allowed_models=["gemini-2.5-flash"]
            ),
        )
    headers = {"authorization": f"Bearer {made.secret}"}
    for body in ({"prompt": "x"}, {"prompt": "x", "model": "gpt-image-1"}):
        answer = await painter.http.post(GENERATIONS, json=body, headers=headers)
        assert answer.status_code == 403, answer.text
        assert answer.json()["error"]["code"] == "model_not_allowed"


async def test_without_a_token(painter: Painter) -> None:
    for path in (GENERATIONS, EDITS):
        answer = await painter.http.post(path, json={"prompt": "x"}, headers={"authorization": ""})
        assert answer.status_code == 401


async def test_variations_and_other_paths(painter: Painter) -> None:
    answer = await painter.http.post("/v1/images/variations", json={})
    assert answer.status_code == 501
    assert "/v1/images/edits" in answer.json()["error"]["message"]
    assert (await painter.http.post("/v1/images/none", json={})).status_code == 404
    assert (await painter.http.get(GENERATIONS)).status_code == 405
    assert (await painter.http.post(f"/hf{GENERATIONS}", json={"prompt": "x"})).status_code == 200


class TestEdits:
    async def test_one_picture(self, painter: Painter) -> None:
        source = png(1, 2, 3)
        answer = await painter.sdk.images.edit(
            image=("cat.png", source, "image/png"), prompt="a hat on it", size="1024x1536"
        )

        assert answer.data is not None
        assert answer.data[0].url
        [request] = await painter.requests()
        body = request.json()
        encoded = base64.b64encode(source).decode()
        assert body["contents"][0]["parts"] == [
            {"inlineData": {"mimeType": "image/png", "data": encoded}},
            {"text": "a hat on it"},
        ]
        assert body["generationConfig"]["imageConfig"] == {"aspectRatio": "2:3"}

    async def test_several_pictures(self, painter: Painter) -> None:
        sources = [png(1, 2, 3), png(4, 5, 6)]
        answer = await painter.sdk.images.edit(
            # Bare bytes have neither a name nor a type.
            image=sources,
            prompt="both",
            n=2,
            response_format="b64_json",
        )

        assert len(bytes_of(answer)) == 2
        request = (await painter.requests())[-1]
        parts = request.json()["contents"][0]["parts"]
        assert [part["inlineData"]["mimeType"] for part in parts[:2]] == ["image/png"] * 2

    async def test_large_pictures_go_to_any_project(self, painter: Painter) -> None:
        await painter.sdk.images.edit(image=png(1, 2, 3) + b"x" * 9000, prompt="a hat", n=4)

        assert len({one.key for one in await painter.requests()}) == 3

    async def test_a_mask_is_refused(self, painter: Painter) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            await painter.sdk.images.edit(image=png(1, 2, 3), mask=png(4, 5, 6), prompt="a hat")

        assert caught.value.param == "mask"
        assert await painter.requests() == []

    async def test_as_json(self, painter: Painter) -> None:
        url = "data:image/png;base64," + base64.b64encode(png(1, 2, 3)).decode()
        body = {"prompt": "a hat", "images": [{"image_url": url}], "response_format": "b64_json"}

        answer = await painter.http.post(EDITS, json=body)

        assert answer.status_code == 200, answer.text
        assert answer.json()["data"][0]["b64_json"]

    async def test_an_uploaded_file(self, painter: Painter) -> None:
        upload = await painter.http.post(
            "/upload/v1beta/files",
            content=png(1, 2, 3),
            headers={"x-goog-upload-protocol": "raw", "content-type": "image/png"},
        )
        name = upload.json()["file"]["name"]

        answer = await painter.http.post(
            EDITS, json={"prompt": "a hat", "images": [{"file_id": name}]}
        )

        assert answer.status_code == 200, answer.text
        request = (await painter.requests())[-1]
        assert request.json()["contents"][0]["parts"][0]["fileData"]["fileUri"].endswith(name)

    @pytest.mark.parametrize(
        ("files", "data", "param"),
        [
            ({}, {"prompt": "x"}, "image"),
            (
                {"image": ("a.png", b"no picture", "application/octet-stream")},
                {"prompt": "x"},
                "image",
            ),
            ({"image": ("a.png", b"", "image/png")}, {"prompt": "x"}, "image"),
            ({"image": ("a.png", png(1, 2, 3), "image/png")}, {}, "prompt"),
            ({"image": ("a.png", png(1, 2, 3), "image/png")}, {"prompt": "x", "n": "two"}, "n"),
            (
                {"image": ("a.png", png(1, 2, 3), "image/png")},
                {"prompt": "x", "stream": "true"},
                "stream",
            ),
        ],
    )
    async def test_bad_forms(
        self,
        painter: Painter,
        files: dict[str, tuple[str, bytes, str]],
        data: dict[str, str],
        param: str,
    ) -> None:
        # Without a file httpx would send no form of several parts.
        sent = files or {"other": ("a.txt", b"x", "text/plain")}
        answer = await painter.http.post(EDITS, files=sent, data=data)

        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["param"] == param

    @pytest.mark.parametrize(
        ("content_type", "body"),
        [
            ("multipart/form-data", b"x"),
            ("multipart/form-data; boundary=b", b"--b\r\nContent-Disposition: form-data"),
            ("multipart/form-data; boundary=b", b"nothing of it"),
            ("multipart/form-data; boundary=b", b"--b\r\n\r\n\r\nx"),
            ("application/json", b"{"),
            ("", b""),
        ],
    )
    async def test_bodies_that_are_broken(
        self, painter: Painter, content_type: str, body: bytes
    ) -> None:
        answer = await painter.http.post(
            EDITS, content=body, headers={"content-type": content_type}
        )

        assert answer.status_code == 400, answer.text
        assert answer.json()["error"]["type"] == "invalid_request_error"
