"""What goes upstream for each prefix, whatever the client's credential looks like."""

from typing import Any

import pytest

from services.edge.pools import VERTEX_POOL
from services.edge.uploads.collections import upstream_path
from tests.support.edge_in_memory import EdgeInMemory, Script
from tests.unit.edge.models.asking import MODEL, answer

GENERATE = f"models/{MODEL}:generateContent"
ASKED: dict[str, Any] = {"contents": [{"parts": [{"text": "hi"}]}]}
TURNS = [{"role": "user", "content": "hi"}]
LISTED = Script([b'{"models": [{"name": "models/gemini-2.5-flash"}]}'])
OF_OPENAI = ["/v1", "/hf/v1", "/openai/v1", "/v1beta/openai"]


@pytest.mark.parametrize("prefix", OF_OPENAI)
@pytest.mark.parametrize(
    ("path", "body", "verb"),
    [
        ("chat/completions", {"messages": TURNS}, "generateContent"),
        ("chat/completions", {"messages": TURNS, "stream": True}, "streamGenerateContent?alt=sse"),
        ("completions", {"prompt": "hi"}, "generateContent"),
        ("responses", {"input": "hi", "store": False}, "generateContent"),
        ("embeddings", {"input": "hi"}, "batchEmbedContents"),
        ("images/generations", {"prompt": "hi"}, "generateContent"),
        ("audio/speech", {"input": "hi", "voice": "Kore"}, "generateContent"),
    ],
)
async def test_openais_dialect(prefix: str, path: str, body: dict[str, Any], verb: str) -> None:
    edge = EdgeInMemory()

    await edge.post(f"{prefix}/{path}", {"model": MODEL, **body}, answer())

    [call, *_] = edge.upstream.calls
    assert (call.method, call.target) == ("POST", f"/v1beta/models/{MODEL}:{verb}")
    assert call.need.pool == "default"


@pytest.mark.parametrize("prefix", OF_OPENAI)
async def test_openais_list(prefix: str) -> None:
    edge = EdgeInMemory()

    headers = {} if prefix == "/v1" else {"x-goog-api-key": "sk-1"}
    told = await edge.get(f"{prefix}/models", LISTED, headers=headers)

    assert told.json()["object"] == "list"
    assert edge.upstream.calls[-1].target == "/v1beta/models?pageSize=1000"


@pytest.mark.parametrize(
    ("prefix", "root"),
    [
        ("/v1beta", "/v1beta"),
        ("/v1", "/v1"),
        ("/v1alpha", "/v1alpha"),
        ("/gemini/v1beta", "/v1beta"),
        ("/gemini/v1", "/v1"),
        ("/vertex-express/v1beta", ""),
    ],
)
@pytest.mark.parametrize(
    ("verb", "sent"),
    [
        ("generateContent", "generateContent"),
        ("streamGenerateContent", "streamGenerateContent?alt=sse"),
        ("streamGenerateContent?alt=json&key=sk-1", "streamGenerateContent?alt=sse"),
        ("countTokens", "countTokens"),
    ],
)
async def test_geminis_dialect(prefix: str, root: str, verb: str, sent: str) -> None:
    edge = EdgeInMemory()

    await edge.post(f"{prefix}/models/{MODEL}:{verb}", ASKED, answer())

    [call] = edge.upstream.calls
    assert (call.method, call.target) == ("POST", f"{root}/models/{MODEL}:{sent}")
    assert call.need.pool == (VERTEX_POOL if "vertex" in prefix else "default")
    assert edge.sent() == ASKED


@pytest.mark.parametrize("prefix", ["/v1beta", "/gemini/v1beta", "/gemini/v1"])
async def test_geminis_list(prefix: str) -> None:
    edge = EdgeInMemory()

    told = await edge.get(f"{prefix}/models", LISTED, headers={"authorization": "Bearer sk-1"})

    assert told.body == LISTED.pieces[0]
    assert edge.upstream.calls[-1].target == f"/{prefix.rpartition('/')[2]}/models"


@pytest.mark.parametrize("prefix", ["/v1", "/anthropic/v1"])
@pytest.mark.parametrize(
    ("path", "verb"), [("messages", "generateContent"), ("messages/count_tokens", "countTokens")]
)
async def test_anthropics_dialect(prefix: str, path: str, verb: str) -> None:
    edge = EdgeInMemory()
    body = {"model": MODEL, "max_tokens": 9, "messages": TURNS}

    await edge.post(f"{prefix}/{path}", body, answer())

    [call] = edge.upstream.calls
    assert call.target == f"/v1beta/models/{MODEL}:{verb}"


@pytest.mark.parametrize("prefix", ["/upload", "/gemini/upload"])
async def test_uploads_are_one_whatever_stands_before(prefix: str) -> None:
    edge = EdgeInMemory()

    told = await edge.post(f"{prefix}/v1beta/files", {"file": {}})

    # The route was found: there is just no files service here.
    assert (told.status, "FILES_TARGET" in told.json()["error"]["message"]) == (501, True)
    assert upstream_path("/upload/v1beta/files") == "upload/v1beta/files"
