"""Recorded streams that the upstream cuts at some byte, over real sockets.

Every byte is cut in tests/unit/edge/test_cut_streams.py; here the pieces are the network's.
"""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from services.kit.http_server import listen, serve_http
from services.kit.ops import Receive, Scope, Send
from tests.support.edge_in_memory import Told
from tests.support.system import system_beside
from tests.unit.edge.openai.recordings import recordings
from tests.unit.edge.reading import FORMS, asked, heard

_PLACES = 12


class Cutter:
    """An upstream whose answer, its cut and the kind of cut are named by the model."""

    def __init__(self, streams: list[bytes]) -> None:
        self.streams = streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        while (await receive()).get("more_body"):
            pass
        name = scope["path"].rpartition("models/")[2].partition(":")[0]
        number, place, breaks = map(int, name.removeprefix("cut-").split("-"))
        head = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        stream = self.streams[number][:place]
        for start in range(0, len(stream), 701):
            piece = stream[start : start + 701]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        if not breaks:
            await send({"type": "http.response.body", "body": b""})
        # Returning without an end makes the server cut the connection.


@pytest.fixture
async def cutter() -> AsyncIterator[tuple[Cutter, str]]:
    """A cutter and its address."""
    app = Cutter([item.raw for item in recordings("streamGenerateContent")])
    sock = listen("127.0.0.1", 0)
    port = sock.getsockname()[1]
    async with serve_http(app, sock):
        yield app, f"http://127.0.0.1:{port}"


async def ask(client: httpx.AsyncClient, form: str, model: str) -> Told:
    target, body = asked(form)
    target = target.replace("gemini-3-flash-preview", model)
    if "model" in body:
        body["model"] = model
    told = Told()
    try:
        async with client.stream("POST", target, json=body) as answer:
            told.status = answer.status_code
            async for piece in answer.aiter_bytes():
                told.body += piece
            told.is_ended = True
    except httpx.RemoteProtocolError:
        told.is_ended = False
    # The answers to different requests are compared.
    told.body = told.body.replace(model.encode(), b"the-model")
    return told


async def test_no_cut_looks_like_an_end(cutter: tuple[Cutter, str], scratch: Path) -> None:
    app, url = cutter
    async with system_beside(scratch / "cuts", url, MAX_RETRIES="0") as system:
        pool = await system.new_pool(2)
        async with system.client(pool) as client:
            for number, stream in enumerate(app.streams):
                for form in FORMS:
                    whole = heard(form, await ask(client, form, f"cut-{number}-{len(stream)}-0"))
                    assert whole.finished
                    assert not whole.told
                    for part in range(_PLACES):
                        place = len(stream) * part // _PLACES
                        model = f"cut-{number}-{place}-{part % 2}"

                        answer = heard(form, await ask(client, form, model))

                        assert answer.told, (form, number, place)
                        assert answer.items == whole.items[: len(answer.items)]
