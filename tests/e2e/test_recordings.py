"""Recorded replies of the real service pass through unchanged."""

import base64
import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from gemini_balance.keypool.v1 import keypool_pb2 as pb
from gemini_balance.keypool.v1 import keypool_pb2_grpc

from services.cli.secrets_store import load_or_create
from services.edge.resources.citations import read_citations
from services.kit.http_server import listen, serve_http
from services.kit.ops import Receive, Scope, Send
from tests.support.shared_folder import RECORDINGS
from tests.support.system import Pool, System, system_beside

NOT_RELAYED = frozenset({"content-length", "transfer-encoding", "content-encoding", "alt-svc"})

pytestmark = pytest.mark.skipif(
    not (RECORDINGS / "gemini.jsonl").exists(), reason=f"no recordings at {RECORDINGS}"
)


@dataclass
class Reply:
    """One recorded exchange."""

    path: str
    query: str
    request: bytes
    status: int
    headers: dict[str, str]
    body: bytes


def recorded() -> list[Reply]:
    """Return the exchanges about models."""
    replies = []
    for line in (RECORDINGS / "gemini.jsonl").read_text("utf-8").splitlines():
        for each in json.loads(line)["interactions"]:
            if "/models/" not in each["path"] or "/openai/" in each["path"]:
                continue
            response, asked = each["response"], each["request"]
            match each["response_kind"]:
                case "json":
                    body = json.dumps(response, ensure_ascii=False).encode()
                case "base64":
                    body = base64.b64decode(response)
                case _:
                    body = response.encode()
            headers = {
                name.lower(): value if isinstance(value, str) else value[0]
                for name, value in each["response_headers"].items()
            }
            replies.append(
                Reply(
                    each["path"],
                    each["query"] if isinstance(each["query"], str) else "",
                    asked.encode() if isinstance(asked, str) else json.dumps(asked).encode(),
                    each["status"],
                    headers,
                    body,
                )
            )
    return replies


class Player:
    """An upstream that answers with the recording whose number the request names."""

    def __init__(self, replies: list[Reply]) -> None:
        self.replies = replies
        self.served: list[int] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = dict(scope["headers"])
        number = int(headers[b"x-replay"])
        while (await receive()).get("more_body"):
            pass
        reply = self.replies[number]
        self.served.append(number)
        head = [
            (name.encode(), value.encode())
            for name, value in reply.headers.items()
            if name not in NOT_RELAYED
        ]
        await send({"type": "http.response.start", "status": reply.status, "headers": head})
        # In uneven pieces, so that events are cut where they were not recorded.
        for start in range(0, len(reply.body), 1013):
            piece = reply.body[start : start + 1013]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def player() -> AsyncIterator[tuple[Player, str]]:
    """A player and its address."""
    app = Player(recorded())
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    async with serve_http(app, sock):
        yield app, f"http://127.0.0.1:{port}"


async def bind_all(system: System, pool: Pool, names: Iterable[str]) -> None:
    """Let things of the recordings belong to a pool's client, all to one of its projects."""
    project = (await system.keys_of(pool))[pool.keys[0]].project_id
    credential = load_or_create(system.data_dir).edge
    metadata = (("authorization", f"Bearer {credential}"),)
    async with grpc.aio.insecure_channel(system.run_file["keypool_target"]) as channel:
        stub: Any = keypool_pb2_grpc.KeyPoolServiceStub(channel)
        asked = pb.AuthorizeRequest(token=pool.token)
        client = await stub.Authorize(asked, timeout=10, metadata=metadata)
        for name in names:
            binding = pb.Binding(resource_name=name, project_id=project, client_id=client.client_id)
            request = pb.BindResourceRequest(binding=binding, pool=pool.name)
            await stub.BindResource(request, timeout=10, metadata=metadata)


async def test_every_recorded_reply_passes_byte_for_byte(
    player: tuple[Player, str], scratch: Path
) -> None:
    app, url = player
    async with system_beside(scratch / "recordings", f"{url}/v1beta") as system:
        pool = await system.new_pool(3)
        names = [
            name
            for reply in app.replies
            for name in read_citations(reply.request, json.loads(reply.request)).names
        ]
        assert names
        await bind_all(system, pool, names)
        async with system.client(pool) as client:
            for number, reply in enumerate(app.replies):
                answer = await client.post(
                    f"{reply.path}?{reply.query}" if reply.query else reply.path,
                    content=reply.request,
                    headers={"x-replay": str(number), "content-type": "application/json"},
                )
                assert answer.status_code == reply.status, (number, answer.text[:500])
                assert answer.content == reply.body, number
                assert answer.headers["content-type"] == reply.headers["content-type"]
    assert app.served == list(range(len(app.replies)))
    assert app.replies
