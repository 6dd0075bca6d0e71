"""Live sessions for tests: Google's own client, and a bare one."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from google import genai
from google.genai import types
from websockets.asyncio.client import ClientConnection, connect

from services.cli.certificates import Names
from tests.support.certificates import authority

TALK = "gemini-live-2.5-flash-preview"
PATH = "/ws/google.ai.generativelanguage.{}.GenerativeService.BidiGenerateContent"


class Front:
    """TLS before an edge, as an ingress has it: Google's Python client speaks nothing else."""

    def __init__(self, target: str, folder: Path) -> None:
        """Take the edge's address, and where a certificate may be put."""
        parts = urlsplit(target)
        self._host, self._port = parts.hostname, parts.port
        issuer = authority("front")
        names = Names("spiffe://test/front", ["localhost"], ["127.0.0.1"])
        pair = issuer.issue(names, lives=timedelta(hours=1))
        folder.mkdir(parents=True, exist_ok=True)
        cert, key, ca = folder / "tls.crt", folder / "tls.key", folder / "ca.crt"
        cert.write_bytes(pair.cert)
        key.write_bytes(pair.key)
        ca.write_bytes(issuer.pair.cert)
        self._writers: list[asyncio.StreamWriter] = []
        self.ca_file = ca
        self._server_context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._server_context.load_cert_chain(cert, key)
        self.context = ssl.create_default_context(cafile=str(ca))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[str]:
        """Listen for the length of the block and yield the address."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._server_context)
        port = server.sockets[0].getsockname()[1]
        try:
            yield f"https://127.0.0.1:{port}"
        finally:
            server.close()
            for writer in self._writers:
                writer.transport.abort()
            with contextlib.suppress(OSError):
                await asyncio.gather(*(writer.wait_closed() for writer in self._writers))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        with contextlib.suppress(OSError):
            back_reader, back = await asyncio.open_connection(self._host, self._port)
            self._writers.append(back)
            await asyncio.gather(_pump(reader, back), _pump(back_reader, writer))


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


def live_sdk(token: str, url: str, front: Front, version: str | None = "v1beta") -> genai.Client:
    """Return Google's client of an edge that is reached over `front` at `url`."""
    options = types.HttpOptions(
        base_url=url, api_version=version, async_client_args={"ssl": front.context}
    )
    return genai.Client(api_key=token, vertexai=False, http_options=options)


def setup(model: str = TALK, **fields: Any) -> str:
    """Return a first message; sessions answer in text unless told otherwise."""
    config = {"generationConfig": {"responseModalities": ["TEXT"]}}
    return json.dumps({"setup": {"model": f"models/{model}", **config, **fields}})


def turn(text: str) -> str:
    """Return a message that is to be answered."""
    turns = [{"role": "user", "parts": [{"text": text}]}]
    return json.dumps({"clientContent": {"turns": turns, "turnComplete": True}})


def bare(
    url: str, token: str = "", *, path: str = PATH.format("v1beta"), query: str = "", **options: Any
) -> connect:
    """Return a connection to an edge, to be entered, with nothing said yet."""
    address = url.replace("http", "ws", 1) + path + (f"?{query}" if query else "")
    headers = {"x-goog-api-key": token} if token else {}
    return connect(address, additional_headers=headers, proxy=None, **options)


async def hear(connection: ClientConnection) -> dict[str, Any]:
    """Return the next message."""
    message: dict[str, Any] = json.loads(await connection.recv())
    return message


async def ask(connection: ClientConnection, text: str) -> tuple[str, list[dict[str, Any]]]:
    """Take a turn; return the text of the answer, and all messages of it."""
    await connection.send(turn(text))
    said, messages = "", []
    while True:
        message = await hear(connection)
        messages.append(message)
        content = message.get("serverContent", {})
        for part in content.get("modelTurn", {}).get("parts", ()):
            said += part.get("text", "")
        if content.get("turnComplete"):
            return said, messages


async def begin(connection: ClientConnection, model: str = TALK, **fields: Any) -> None:
    """Set a session up."""
    await connection.send(setup(model, **fields))
    assert await hear(connection) == {"setupComplete": {}}
