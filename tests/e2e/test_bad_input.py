"""Bad input gets a clear 4xx in the dialect of its route, and costs nothing upstream."""

import asyncio
import socket
from typing import Any

import httpx
import pytest

from tests.support.system import System

MODEL = "gemini-2.5-flash"
CHAT = "/v1/chat/completions"
GENERATE = f"/v1beta/models/{MODEL}:generateContent"
HELLO = {"model": MODEL, "messages": [{"role": "user", "content": "hi"}]}


async def sent_upstream(system: System) -> int:
    async with system.control() as control:
        counts = await control.counts()
    return counts.total.requests


def error_of(answer: httpx.Response, dialect: str) -> dict[str, Any]:
    """Return the error of an answer, having checked that its shape is the dialect's."""
    error: dict[str, Any] = answer.json()["error"]
    assert error["message"]
    if dialect == "gemini":
        assert error["code"] == answer.status_code
        assert error["status"].isupper()
    else:
        assert set(error) == {"message", "type", "param", "code"}
    return error


@pytest.mark.parametrize(
    ("path", "dialect", "content"),
    [
        (CHAT, "openai", b"{not json"),
        (CHAT, "openai", b""),
        (CHAT, "openai", b"[1, 2]"),
        (CHAT, "openai", b'{"model": 5, "messages": []}'),
        (CHAT, "openai", b'{"model": "gemini-2.5-flash", "messages": "hi"}'),
        (CHAT, "openai", b'{"model": "gemini-2.5-flash", "messages": []}'),
        (CHAT, "openai", b'{"messages": [{"role": "user", "content": "hi"}]}'),
        (CHAT, "openai", b'{"model": "a/../b", "messages": [{"role": "user", "content": "hi"}]}'),
        (
            CHAT,
            "openai",
            b"""{"model": "gemini-2.5-flash", "temperature": "hot",
                "messages": [{"role": "user", "content": "hi"}]}""",
        ),
        ("/v1/embeddings", "openai", b'{"model": "text-embedding-004", "input": []}'),
        ("/v1/embeddings", "openai", b'{"model": "text-embedding-004", "input": {"a": 1}}'),
        (GENERATE, "gemini", b"{not json"),
        (GENERATE, "gemini", b""),
        (GENERATE, "gemini", b"[]"),
        (GENERATE, "gemini", b'{"contents": 5}'),
        (GENERATE, "gemini", b'{"contents": [], "generationConfig": []}'),
        ("/v1beta/models/bad%20name:generateContent", "gemini", b"{}"),
        (f"/v1beta/models/{MODEL}:generate-content", "gemini", b"{}"),
    ],
)
async def test_malformed_bodies(system: System, path: str, dialect: str, content: bytes) -> None:
    pool = await system.new_pool(1)
    before = await sent_upstream(system)

    async with system.client(pool) as client:
        answer = await client.post(
            path, content=content, headers={"content-type": "application/json"}
        )

    assert answer.status_code == 400, answer.text
    error_of(answer, dialect)
    assert await sent_upstream(system) == before


@pytest.mark.parametrize(("path", "dialect"), [(CHAT, "openai"), (GENERATE, "gemini")])
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"authorization": "Bearer sk-wrong-token"},
        {"authorization": "Basic c2s6"},
        {"x-goog-api-key": "sk-wrong-token"},
        {"x-api-key": "not one"},
    ],
)
async def test_missing_and_wrong_tokens(
    system: System, path: str, dialect: str, headers: dict[str, str]
) -> None:
    before = await sent_upstream(system)

    async with system.client() as client:
        answer = await client.post(path, json=HELLO, headers=headers)

    assert answer.status_code == 401
    error_of(answer, dialect)
    assert await sent_upstream(system) == before


@pytest.mark.parametrize("path", [CHAT, GENERATE])
async def test_header_injection_through_the_query_key(system: System, path: str) -> None:
    before = await sent_upstream(system)

    async with system.client() as client:
        answer = await client.post(f"{path}?key=sk-a%0d%0aX-Evil:%201", json=HELLO)

    assert answer.status_code == 401
    assert "x-evil" not in answer.headers
    assert await sent_upstream(system) == before


@pytest.mark.parametrize(
    ("path", "dialect"),
    [
        ("/v1/models/..", "openai"),
        ("/v1/../v1/models", "openai"),
        ("/v1/models/%2e%2e", "openai"),
        ("/v1/models/%2E%2e/x", "openai"),
        ("/v1/models/a%5cb", "openai"),
        ("/v1/models/a\\b", "openai"),
        ("/v1/models/a%00", "openai"),
        ("/v1beta/models/../files", "gemini"),
        (f"/v1beta/models/%2e%2e/{MODEL}:generateContent", "gemini"),
        ("/v1beta/models/a%2fb:generateContent", "gemini"),
        ("/v1beta/models\\x:generateContent", "gemini"),
        ("/v1beta/models/x%00:generateContent", "gemini"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_paths_that_try_to_leave_their_place(
    system: System, path: str, dialect: str, method: str
) -> None:
    pool = await system.new_pool(1)
    before = await sent_upstream(system)

    # Written by hand: an HTTP library would tidy the path up.
    host, _, port = system.url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {pool.token}\r\n"
        f"content-length: 2\r\nconnection: close\r\n\r\n{{}}".encode("latin-1")
    )
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()

    status = int(head.split()[1])
    answer = httpx.Response(status, content=body)
    assert status == 400, head
    error_of(answer, dialect)
    assert await sent_upstream(system) == before


@pytest.mark.parametrize(("path", "dialect"), [(CHAT, "openai"), (GENERATE, "gemini")])
@pytest.mark.parametrize("declared", [True, False], ids=["declared", "chunked"])
async def test_a_body_of_200_mb(system: System, path: str, dialect: str, declared: bool) -> None:
    pool = await system.new_pool(1)
    before = await sent_upstream(system)
    size, piece = 200 * 1024 * 1024, b"x" * (1024 * 1024)

    async def pieces() -> Any:
        for _ in range(size // len(piece)):
            yield piece

    headers = {"content-length": str(size)} if declared else {}
    async with system.client(pool) as client:
        answer = await client.post(path, content=pieces(), headers=headers)

    assert answer.status_code == 413
    error_of(answer, dialect)
    assert await sent_upstream(system) == before


async def test_garbage_instead_of_http(system: System) -> None:
    host, _, port = system.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=5) as sock:
        sock.sendall(b"\x16\x03\x01 this is not http\r\n\r\n")
        answer = sock.recv(1024)

    assert answer.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize(
    ("method", "path", "status", "dialect"),
    [
        ("GET", CHAT, 405, "openai"),
        ("DELETE", "/v1/models", 405, "openai"),
        ("GET", GENERATE, 405, "gemini"),
        ("POST", "/v1/unheard-of", 404, "openai"),
        ("GET", "/v2/models", 404, "openai"),
    ],
)
async def test_routes_that_are_not_there(
    system: System, method: str, path: str, status: int, dialect: str
) -> None:
    pool = await system.new_pool(1)
    async with system.client(pool) as client:
        answer = await client.request(method, path)

    assert answer.status_code == status
    error_of(answer, dialect)


@pytest.mark.parametrize(
    ("path", "dialect", "body"),
    [
        (CHAT, "openai", {**HELLO, "model": "gemini-99"}),
        (
            "/v1beta/models/gemini-99:generateContent",
            "gemini",
            {"contents": [{"parts": [{"text": "x"}]}]},
        ),
    ],
)
async def test_an_unknown_model_is_asked_for_once_and_blames_nobody(
    system: System, path: str, dialect: str, body: dict[str, Any]
) -> None:
    pool = await system.new_pool(3)
    before = await sent_upstream(system)

    async with system.client(pool) as client:
        answer = await client.post(path, json=body)

    assert answer.status_code == 404
    assert "gemini-99" in error_of(answer, dialect)["message"]
    assert await sent_upstream(system) == before + 1
    assert {key.state for key in (await system.keys_of(pool)).values()} == {1}


async def test_an_escaped_model_id_is_accepted(system: System) -> None:
    pool = await system.new_pool(1)
    async with system.client(pool) as client:
        answer = await client.get("/v1/models/models%2Fgemini-2.5-pro")

    assert answer.status_code == 200
    assert answer.json()["id"] == "gemini-2.5-pro"
