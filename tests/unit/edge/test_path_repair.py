"""Paths of wrong base addresses."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.edge.openapi.document import OPERATIONS
from services.edge.path_repair import repaired_path
from tests.support.edge_in_memory import EdgeInMemory, Script

GENERATE = "models/gemini-2.5-flash:generateContent"


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/", "/v1/chat/completions"),
        ("//v1//chat/completions", "/v1/chat/completions"),
        ("/v1/v1/chat/completions", "/v1/chat/completions"),
        ("/v1beta/chat/completions", "/v1/chat/completions"),
        ("/openai/chat/completions", "/v1/chat/completions"),
        ("/v1/v1beta/openai/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/v1/chat/completions", "/v1/chat/completions"),
        ("/v1/chat/completions/models", "/v1/models"),
        ("/v1/models/v1/models", "/v1/models"),
        ("/hf/embeddings", "/v1/embeddings"),
        ("/models", "/v1/models"),
        ("/v1/models/", "/v1/models"),
        ("/v1beta/v1beta/models", "/v1beta/models"),
        ("/v1beta/openai/v1/models", "/v1/models"),
        (f"/v1/v1beta/{GENERATE}", f"/v1beta/{GENERATE}"),
        (f"/v1beta/v1beta/{GENERATE}", f"/v1beta/{GENERATE}"),
        (f"/v1alpha/gemini/{GENERATE}", f"/v1alpha/{GENERATE}"),
        (f"/gemini/{GENERATE}", f"/v1beta/{GENERATE}"),
        (f"/{GENERATE}", f"/v1beta/{GENERATE}"),
        ("/v1beta/upload/v1beta/files", "/upload/v1beta/files"),
        ("/upload/files", "/upload/v1beta/files"),
        ("/cachedContents/abc", "/v1beta/cachedContents/abc"),
    ],
)
def test_what_is_meant(sent: str, meant: str) -> None:
    assert repaired_path(sent) == meant


@pytest.mark.parametrize("path", sorted({operation.path for operation in OPERATIONS}))
def test_every_documented_path_is_left_as_it_is(path: str) -> None:
    filled = re.sub(r"\{\w+\}", "abc", path)
    assert repaired_path(filled) == filled


@pytest.mark.parametrize(
    "path",
    ["/", "/docs", "/livez", "/v1", "/v1/v1", "/v1/unheard-of", "/media/abc", "/favicon.ico"],
)
def test_what_means_nothing_is_left_as_it_is(path: str) -> None:
    assert repaired_path(path) == path


@given(
    st.lists(st.sampled_from(["v1", "v1beta", "openai", "hf", "models", "chat", "", "x:y", "a"]))
)
def test_a_repaired_path_needs_no_repair(segments: list[str]) -> None:
    once = repaired_path("/" + "/".join(segments))
    assert repaired_path(once) == once


async def test_the_client_is_told_the_path() -> None:
    edge = EdgeInMemory(url_normalization_enabled=True)
    body = b'{"candidates": [{"content": {"parts": [{"text": "a"}]}, "finishReason": "STOP"}]}'

    answer = await edge.post(
        "/v1/v1/chat/completions",
        {"model": "gemini-2.5-flash", "messages": [{"role": "user", "content": "hi"}]},
        Script([body]),
    )

    assert answer.status == 200
    assert answer.headers["x-gemini-balance-path"] == "/v1/chat/completions"
    assert answer.json()["object"] == "chat.completion"


async def test_a_good_path_is_not_spoken_of_and_nothing_is_repaired_unasked() -> None:
    asked, unasked = EdgeInMemory(url_normalization_enabled=True), EdgeInMemory()
    body = {"contents": [{"parts": [{"text": "hi"}]}]}

    good = await asked.post(f"/v1beta/{GENERATE}", body, Script([b"{}"]))
    bad = await unasked.post(f"/v1beta/v1beta/{GENERATE}", body)

    assert "x-gemini-balance-path" not in good.headers
    assert bad.status == 501, "as before"
    assert not unasked.upstream.calls


@pytest.mark.parametrize("prefix", ["/v1", "/hf/v1", "/openai/v1", "/v1beta/openai"])
async def test_prefixes_of_openais_dialect(prefix: str) -> None:
    edge = EdgeInMemory()
    listed = Script([b'{"models": [{"name": "models/gemini-2.5-flash"}]}'])

    headers = {} if prefix == "/v1" else {"x-goog-api-key": "sk-1"}
    answer = await edge.get(f"{prefix}/models", listed, headers=headers)

    assert answer.json()["object"] == "list"
    assert edge.upstream.calls[-1].target == "/v1beta/models?pageSize=1000"


@pytest.mark.parametrize("prefix", ["/v1beta", "/gemini/v1beta", "/gemini/v1"])
async def test_prefixes_of_geminis_dialect(prefix: str) -> None:
    edge = EdgeInMemory()
    listed = Script([b'{"models": [{"name": "models/gemini-2.5-flash"}]}'])

    answer = await edge.get(f"{prefix}/models", listed, headers={"authorization": "Bearer sk-1"})

    assert answer.json() == {"models": [{"name": "models/gemini-2.5-flash"}]}
    assert edge.upstream.calls[-1].target == f"/{prefix.rpartition('/')[2]}/models"
