"""Imagen as the simulator speaks it."""

import base64
import struct
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from tests.support.keypool import secrets_of
from tests.support.upstream import upstream

PREDICT = "/v1beta/models/imagen-4.0-generate-001:predict"


@pytest.fixture
async def google() -> AsyncIterator[httpx.AsyncClient]:
    [key] = secrets_of(1)
    async with (
        upstream() as simulator,
        httpx.AsyncClient(base_url=simulator.url, headers={"x-goog-api-key": key}) as client,
    ):
        yield client


def order(prompt: str = "a cat", **parameters: Any) -> dict[str, Any]:
    return {"instances": [{"prompt": prompt}], "parameters": parameters}


async def drawn(google: httpx.AsyncClient, body: dict[str, Any]) -> list[dict[str, Any]]:
    answer = await google.post(PREDICT, json=body)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json().get("predictions", [])
    return found


@pytest.mark.parametrize(
    ("ratio", "size"),
    [("1:1", (64, 64)), ("16:9", (114, 64)), ("9:16", (64, 114)), ("4:3", (85, 64))],
)
async def test_pictures_have_the_shape_that_was_asked_for(
    google: httpx.AsyncClient, ratio: str, size: tuple[int, int]
) -> None:
    predictions = await drawn(google, order(sampleCount=3, aspectRatio=ratio))

    pictures = [base64.b64decode(each["bytesBase64Encoded"]) for each in predictions]
    assert len(set(pictures)) == 3
    assert {struct.unpack(">II", picture[16:24]) for picture in pictures} == {size}
    assert {each["mimeType"] for each in predictions} == {"image/png"}


async def test_four_by_default(google: httpx.AsyncClient) -> None:
    assert len(await drawn(google, {"instances": [{"prompt": "a cat"}]})) == 4


async def test_what_is_filtered_is_missing_and_explained_on_request(
    google: httpx.AsyncClient,
) -> None:
    assert len(await drawn(google, order("[[filter 1]]", sampleCount=3))) == 2
    assert await drawn(google, order("[[block]]", sampleCount=3)) == []
    [only] = await drawn(google, order("[[block]]", sampleCount=3, includeRaiReason=True))
    assert "filtered out" in only["raiFilteredReason"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"instances": []},
        {"instances": [{}, {}]},
        {"instances": [{"text": "a cat"}]},
        order(sampleCount=5),
        order(sampleCount=0),
        order(aspectRatio="3:2"),
        order(sampleImageSize="4K"),
        order(outputOptions={"mimeType": "image/webp"}),
        {"prompt": "a cat"},
    ],
)
async def test_what_is_refused(google: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await google.post(PREDICT, json=body)

    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["status"] == "INVALID_ARGUMENT"
    assert "API key" not in error["message"]


async def test_each_kind_of_model_has_its_method(google: httpx.AsyncClient) -> None:
    imagen = PREDICT.replace(":predict", ":generateContent")
    gemini = "/v1beta/models/gemini-2.5-flash-image:predict"
    for path, body in ((imagen, {"contents": [{"parts": [{"text": "x"}]}]}), (gemini, order())):
        answer = await google.post(path, json=body)
        assert answer.status_code == 404, path
