"""OpenAI's forms whose file goes to a service that refuses, or comes from a client that stops."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

import grpc
import httpx
import pytest
from gemini_balance.files.v1 import files_pb2 as pb

from services.edge.audio.listening import INLINE_BYTES
from services.kit.errors import ServiceError
from tests.integration.edge.scripted_files import Frames, Script, active, ended, scripted_files
from tests.support.edge import new_token, running_edge
from tests.support.keypool import Keypool, running_keypool
from tests.support.valkey import redis_url, valkey_server
from tests.support.waiting import eventually

__all__ = ["redis_url", "valkey_server"]

MIB = 1024 * 1024
FORM = {"content-type": "multipart/form-data; boundary=x"}
PURPOSE = b'--x\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
MODEL = b'--x\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n'
HEAD = b'--x\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
END = b"\r\n--x--\r\n"
REFUSED = b'{"error": {"code": 400, "message": "not this one", "status": "INVALID_ARGUMENT"}}'


class FullError(ServiceError):
    code = grpc.StatusCode.RESOURCE_EXHAUSTED
    reason = "BUFFERS_FULL"


@dataclass
class Stage:
    """An edge over a scripted files service, and a client of it."""

    script: Script
    http: httpx.AsyncClient


@pytest.fixture
async def keypool(redis_url: str) -> AsyncIterator[Keypool]:
    async with running_keypool(redis_url) as keypool:
        yield keypool


@pytest.fixture
async def stage(keypool: Keypool) -> AsyncIterator[Stage]:
    script = Script()  # type: ignore[abstract]  # scripts do not use all of the contract
    headers = {"authorization": f"Bearer {await new_token(keypool)}", **FORM}
    async with (
        scripted_files(script) as target,
        running_edge(keypool, files_target=target, upload_idle_seconds=0.5, time_out=2) as url,
        httpx.AsyncClient(base_url=url, timeout=60, headers=headers) as http,
    ):
        yield Stage(script, http)


async def form(size: int, first: bytes = PURPOSE) -> AsyncIterator[bytes]:
    """Yield the body of a form with a file of so many bytes."""
    yield first + HEAD
    for _ in range(size // MIB):
        yield b"x" * MIB
    yield END


async def cut_form(script: Script) -> AsyncIterator[bytes]:
    """Yield the body of a form that stops until its upload was given up, and never ends."""
    yield PURPOSE + MODEL + HEAD
    for _ in range(20):
        yield b"x" * MIB
    await eventually(lambda: _cancelled(script), lambda seen: seen == ["the-upload"])


def check_shape(answer: httpx.Response) -> None:
    assert set(answer.json()["error"]) == {"message", "type", "param", "code"}


@pytest.mark.parametrize("route", ["/v1/files", "/v1/audio/transcriptions"])
class TestRefusals:
    async def test_googles_refusal_in_the_middle_is_told(self, stage: Stage, route: str) -> None:
        async def refuse(script: Script, frames: Frames) -> pb.Upload:
            await script.read(frames, 20 * MIB)
            return ended(400, REFUSED, failed=True)

        stage.script.on_write = refuse

        answer = await stage.http.post(route, content=form(100 * MIB, first=PURPOSE + MODEL))

        assert answer.status_code == 400
        check_shape(answer)
        assert answer.json()["error"]["message"] == "not this one"

    async def test_a_service_that_is_full_says_when_to_come_again(
        self, stage: Stage, route: str
    ) -> None:
        async def refuse(script: Script, frames: Frames) -> pb.Upload:
            await script.read(frames, 20 * MIB)
            raise FullError("no room", retry_delay=timedelta(seconds=7))

        stage.script.on_write = refuse

        answer = await stage.http.post(route, content=form(100 * MIB, first=PURPOSE + MODEL))

        assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
        check_shape(answer)
        assert stage.script.cancelled == ["the-upload"]

    async def test_a_client_that_stops_leaves_nothing(self, stage: Stage, route: str) -> None:
        async def take(script: Script, frames: Frames) -> pb.Upload:
            await script.read(frames)
            return active()

        stage.script.on_write = take

        answer = await stage.http.post(route, content=cut_form(stage.script))

        assert answer.status_code == 408
        check_shape(answer)
        assert stage.script.cancelled == ["the-upload"]

    async def test_a_client_that_leaves_leaves_nothing(self, stage: Stage, route: str) -> None:
        async def take(script: Script, frames: Frames) -> pb.Upload:
            await script.read(frames)
            return active()

        stage.script.on_write = take
        sending = asyncio.create_task(stage.http.post(route, content=cut_form(stage.script)))
        await eventually(lambda: _seen(stage.script), lambda seen: seen >= 16 * MIB)
        sending.cancel()

        await eventually(lambda: _cancelled(stage.script), lambda seen: seen == ["the-upload"])


async def _seen(script: Script) -> int:
    return script.bytes_read


async def _cancelled(script: Script) -> list[str]:
    return script.cancelled


async def test_the_service_is_told_all_that_the_form_says(stage: Stage) -> None:
    async def take(script: Script, frames: Frames) -> pb.Upload:
        assert await script.read(frames)
        return ended(400, REFUSED, failed=True)

    stage.script.on_write = take
    typed = HEAD.replace(b"\r\n\r\n", b"\r\ncontent-type: audio/wav\r\n\r\n")
    await stage.http.post("/v1/files", content=PURPOSE + typed + b"12345" + END)

    [order] = stage.script.created
    assert order.upstream_path == "upload/v1beta/files"
    assert order.start_body == b'{"file":{"displayName":"a.wav"}}'
    assert (order.mime_type, order.file_name) == ("audio/wav", "a.wav")
    assert stage.script.bytes_read == 5
    assert stage.script.begun[0].finishes


class TestWithoutAFilesService:
    @pytest.fixture
    async def http(self, keypool: Keypool) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"authorization": f"Bearer {await new_token(keypool)}", **FORM}
        async with (
            running_edge(keypool) as url,
            httpx.AsyncClient(base_url=url, timeout=60, headers=headers) as http,
        ):
            yield http

    async def test_openais_files_are_501(self, http: httpx.AsyncClient) -> None:
        answer = await http.get("/v1/files")

        assert answer.status_code == 501
        check_shape(answer)
        assert "FILES_TARGET" in answer.json()["error"]["message"]

    async def test_a_long_sound_is_413(self, http: httpx.AsyncClient) -> None:
        answer = await http.post(
            "/v1/audio/transcriptions", content=form(INLINE_BYTES + 2 * MIB, first=MODEL)
        )

        assert answer.status_code == 413
        check_shape(answer)
        assert "FILES_TARGET" in answer.json()["error"]["message"]
