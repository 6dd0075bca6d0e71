"""Settings that change under load: requests notice what they should, and none fails."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from tests.support.load import ASK, GENERATE, Load
from tests.support.system import System, running_simulator_process, system_beside
from tests.support.waiting import eventually

LONG = ASK | {"labels": {"padding": "x" * 5_000}}


@pytest.fixture
def settings_file(tmp_path: Path) -> Path:
    path = tmp_path / "live.env"
    path.write_text("MAX_RETRIES=3\n")
    return path


@pytest.fixture
async def own(tmp_path: Path, settings_file: Path) -> AsyncIterator[System]:
    with running_simulator_process(tmp_path, SIMULATOR_CHUNK_DELAY_MS="20") as simulator_url:
        async with system_beside(
            tmp_path / "own", simulator_url, SETTINGS_FILE=str(settings_file)
        ) as system:
            yield system


def write(path: Path, text: str) -> None:
    new = path.with_suffix(".new")
    new.write_text(text)
    new.replace(path)


async def test_settings_change_under_load_without_a_failed_request(
    own: System, settings_file: Path
) -> None:
    pool = await own.new_pool(5)

    async def status() -> int:
        async with httpx.AsyncClient(base_url=own.url) as client:
            headers = {"x-goog-api-key": pool.token}
            answer = await client.post(GENERATE, json=LONG, headers=headers)
        return answer.status_code

    async with Load(own, pool.token) as load:
        await load.more(50)
        assert await status() == 200
        for _ in range(2):
            write(settings_file, "MAX_BODY_BYTES=4000\nMAX_WAIT_SECONDS=20\n")
            await eventually(status, lambda code: code == 413)
            await load.more(50)
            write(settings_file, "MAX_RETRIES=2\n")
            await eventually(status, lambda code: code == 200)
            await load.more(50)
        for pid in own.run_file["pids"].values():
            os.kill(pid, signal.SIGHUP)
        await load.more(50)

    assert load.failures == []
