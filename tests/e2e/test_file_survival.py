"""Uploads go on after kill -9 of each part, and lose nothing that was acknowledged."""

import asyncio
import base64
import io
import os
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from google import genai
from google.genai import types

from tests.support.load import GENERATE
from tests.support.resuming import ResumingUpload
from tests.support.samples import sample, sample_sha256
from tests.support.system import Pool, System, running_simulator_process, running_system
from tests.support.waiting import eventually

MIB = 1024 * 1024
# Neither is a multiple of the granule, so that there are tails to be kept.
SIZE = 40 * MIB + 4321
CHUNK = 3 * MIB + 17


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A system that only these tests hurt."""
    folder = tmp_path_factory.mktemp("own")
    with (
        running_simulator_process(folder) as simulator_url,
        running_system(folder, simulator_url) as system,
    ):
        yield system
    written = system.process.output()
    assert not any(secret in written for secret in system.secrets)


class Killer:
    """Kills a part, which its supervisor starts again."""

    def __init__(self, system: System, part: str) -> None:
        self._system = system
        self._part = part
        self.killed: list[int] = []

    def strike(self) -> None:
        self.killed.append(self._pid())
        os.kill(self.killed[-1], signal.SIGKILL)

    async def healed(self) -> None:
        """Return once the part runs again and all parts are ready."""

        async def is_whole() -> bool:
            pid = await asyncio.to_thread(self._pid)
            async with self._system.client() as client:
                return pid not in self.killed and (await client.get("/readyz")).status_code == 200

        await eventually(no_answer_is_no(is_whole), bool, seconds=20)

    def _pid(self) -> int:
        pid: int = self._system.run_file["pids"][self._part]
        return pid


def no_answer_is_no(ask: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[bool]]:
    async def asked() -> bool:
        try:
            return await ask()
        except httpx.TransportError:
            return False

    return asked


async def require_usable(system: System, pool: Pool, file: dict[str, Any]) -> None:
    """Require a file to be whole at Google, to be listed once, and to be citable."""
    assert base64.b64decode(file["sha256Hash"]).hex() == sample_sha256(int(file["sizeBytes"]))
    cited = {"fileData": {"fileUri": file["uri"], "mimeType": file["mimeType"]}}
    ask = {"contents": [{"role": "user", "parts": [cited, {"text": "please repeat fudge"}]}]}
    async with system.client(pool) as client:
        listed = (await client.get("/v1beta/files")).json()
        answer = await client.post(GENERATE, json=ask)
    assert [each["name"] for each in listed["files"]] == [file["name"]]
    assert answer.status_code == 200, answer.text
    assert "fudge" in answer.text


@pytest.fixture
async def killer(own: System, request: pytest.FixtureRequest) -> AsyncIterator[Killer]:
    """What kills the part that the test names; the next test finds it running again."""
    made = Killer(own, request.param)
    yield made
    await made.healed()


EACH_PART = pytest.mark.parametrize("killer", ["files", "edge", "valkey"], indirect=True)


@EACH_PART
async def test_a_client_that_asks_goes_on(own: System, killer: Killer) -> None:
    pool = await own.new_pool(2)
    upload = ResumingUpload(own.url, pool.token, SIZE, chunk=CHUNK)

    async def strike() -> None:
        killer.strike()

    async def strike_and_wait() -> None:
        killer.strike()
        await killer.healed()

    # In a chunk; as a chunk begins, so that all before it has just been acknowledged; in the last.
    upload.moments = {2 * MIB: strike, 5 * CHUNK: strike_and_wait, SIZE - MIB: strike}

    file = await upload.run()

    assert len(set(killer.killed)) == 3
    assert upload.resumes
    await killer.healed()
    await require_usable(own, pool, file)


@EACH_PART
async def test_the_last_word_of_google_is_not_missed(own: System, killer: Killer) -> None:
    pool = await own.new_pool(2)
    upload = ResumingUpload(own.url, pool.token, SIZE, chunk=SIZE)
    async with own.control() as control:

        async def asked_of_google() -> int:
            return sum(fault["hits"] for fault in await control.faults())

        async def strike() -> None:
            await eventually(asked_of_google, lambda hits: hits == 1, seconds=30)
            killer.strike()

        await control.add_fault("delay", verb="upload.finalize", delay_seconds=2)
        striking = asyncio.create_task(strike())
        file = await upload.run()
        await striking
        await control.clear_faults()

    await killer.healed()
    await require_usable(own, pool, file)


class Fragile(io.BytesIO):
    """A file whose reader finds a part dead when it comes for the third chunk."""

    def __init__(self, strike: Callable[[], None]) -> None:
        super().__init__(sample(0, SIZE))
        self._strikes = [strike]

    def read(self, size: int | None = -1, /) -> bytes:
        if self._strikes and self.tell() >= 16 * MIB:
            self._strikes.pop()()
        return super().read(size)


@pytest.mark.parametrize("killer", ["files", "valkey"], indirect=True)
async def test_the_python_sdk_notices_nothing(own: System, killer: Killer) -> None:
    pool = await own.new_pool(2)
    sdk = genai.Client(api_key=pool.token, http_options=types.HttpOptions(base_url=own.url))

    config = types.UploadFileConfig(mime_type="text/plain")
    file = await asyncio.to_thread(sdk.files.upload, file=Fragile(killer.strike), config=config)

    sdk.close()
    assert killer.killed
    await killer.healed()
    await require_usable(own, pool, file.model_dump(mode="json", by_alias=True))


def peak_of(pid: int) -> int:
    """Return the most memory that a process has held, in bytes."""
    [line] = [
        line
        for line in Path(f"/proc/{pid}/status").read_text().splitlines()
        if line.startswith("VmHWM:")
    ]
    return int(line.split()[1]) * 1024


@pytest.mark.stress
@pytest.mark.timeout(900)
async def test_two_gib_while_one_part_after_the_other_is_killed(own: System) -> None:
    pool = await own.new_pool(2)
    size = 2 * 1024 * MIB
    upload = ResumingUpload(own.url, pool.token, size, chunk=100 * MIB + 17)
    killers = [Killer(own, part) for part in ("files", "edge", "valkey")]
    peaks: list[int] = []

    def blow(killer: Killer) -> Callable[[], Awaitable[None]]:
        async def strike() -> None:
            pids = own.run_file["pids"]
            peaks.extend(peak_of(pids[part]) for part in ("files", "edge"))
            killer.strike()

        return strike

    upload.moments = {
        twelfth * size // 12 + MIB: blow(killers[twelfth % 3]) for twelfth in range(1, 12)
    }

    file = await upload.run()

    for killer in killers:
        await killer.healed()
    assert upload.resumes >= 11
    assert max(peaks) < 400 * MIB
    await require_usable(own, pool, file)
