"""Playing clients of the upload protocol, request by request."""

import hashlib
import random
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx

from services.simulator.control import Received, SimulatorControl
from tests.support.system import Pool, System

FILES = "/upload/v1beta/files"
GRANULE = 8 * 1024 * 1024
START = {"x-goog-upload-protocol": "resumable", "x-goog-upload-command": "start"}


def content(size: int, seed: int = 1) -> bytes:
    """Return bytes that tell nothing of a type, the same for the same seed."""
    return b"\x00\xff" + random.Random(seed).randbytes(size - 2) if size > 1 else b"\x00" * size


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@dataclass
class Session:
    """An upload that was started."""

    url: str
    started: httpx.Response

    @property
    def upload_id(self) -> str:
        return parse_qs(urlsplit(self.url).query)["upload_id"][0]


@dataclass
class Uploader:
    """A client with an HTTP connection to the edge.

    Attributes:
        http: Sends no token by itself.
        token: The client's.
    """

    http: httpx.AsyncClient
    token: str = field(repr=False)

    async def start(
        self,
        body: Any = None,
        *,
        path: str = FILES,
        size: int | None = None,
        mime_type: str = "",
        **headers: str,
    ) -> Session:
        """Start an upload as Google's SDKs do; underscores in names of headers are dashes."""
        sent = START | {"x-goog-api-key": self.token} | _dashed(headers)
        if size is not None:
            sent["x-goog-upload-header-content-length"] = str(size)
        if mime_type:
            sent["x-goog-upload-header-content-type"] = mime_type
        answer = await self.http.post(path, json={} if body is None else body, headers=sent)
        assert answer.status_code == 200, answer.text
        assert answer.content == b""
        assert answer.headers["x-goog-upload-status"] == "active"
        return Session(answer.headers["x-goog-upload-url"], answer)

    async def send(
        self,
        session: Session | str,
        command: str,
        data: Any = b"",
        *,
        offset: Any = None,
        **headers: str,
    ) -> httpx.Response:
        """Send a command to an upload's address, without a token."""
        sent = {"x-goog-upload-command": command} | _dashed(headers)
        if offset is not None:
            sent["x-goog-upload-offset"] = str(offset)
        url = session if isinstance(session, str) else session.url
        return await self.http.post(url, content=data, headers=sent)

    async def upload(self, data: bytes, body: Any = None, **headers: str) -> dict[str, Any]:
        """Upload bytes and return the file."""
        session = await self.start(body, size=len(data), **headers)
        return file_of(await self.send(session, "upload, finalize", data, offset=0))


def file_of(answer: httpx.Response) -> dict[str, Any]:
    """Return the file of a last answer, having checked that it is one."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-goog-upload-status"] == "final"
    assert answer.headers["content-type"].startswith("application/json")
    body = answer.json()
    assert set(body) == {"file"}
    file: dict[str, Any] = body["file"]
    assert file["name"].startswith("files/")
    assert file["uri"].startswith("https://")
    assert file["state"] == "ACTIVE"
    return file


def still_active(answer: httpx.Response, received: int) -> None:
    """Check that an upload goes on after an answer."""
    assert answer.status_code == 200, answer.text
    assert answer.content == b""
    assert answer.headers["x-goog-upload-status"] == "active"
    assert answer.headers["x-goog-upload-size-received"] == str(received)


def refused(answer: httpx.Response, status: int, google_status: str, word: str = "") -> None:
    """Check an answer: Google's envelope, and an SDK that gives up at once."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert (error["code"], error["status"]) == (status, google_status)
    assert re.search(word, error["message"], re.IGNORECASE), error["message"]
    assert answer.headers["x-goog-upload-status"] == "final"
    assert "x-goog-upload-url" not in answer.headers


async def stored(control: SimulatorControl, file: dict[str, Any], data: bytes) -> None:
    """Check that the upstream has exactly these bytes."""
    assert file["sizeBytes"] == str(len(data))
    assert await control.file_sha256(file["name"]) == sha256(data)


async def seen_upstream(system: System, pool: Pool, verb: str) -> list[Received]:
    """Return what the upstream has been asked with the keys of a pool."""
    async with system.control() as control:
        requests = await control.requests(1000)
    return [each for each in requests if each.key in pool.keys and each.verb == verb]


def _dashed(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
