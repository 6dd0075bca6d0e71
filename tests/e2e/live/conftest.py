from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from google import genai

from tests.support.live import Front, live_sdk
from tests.support.system import Pool, System


@dataclass
class Behind:
    """An edge behind TLS."""

    front: Front
    url: str

    def sdk(self, token: str, version: str | None = "v1beta") -> genai.Client:
        return live_sdk(token, self.url, self.front, version)


@pytest.fixture
async def behind(system: System, tmp_path: Path) -> AsyncIterator[Behind]:
    front = Front(system.url, tmp_path / "front")
    async with front.running() as url:
        yield Behind(front, url)


@pytest.fixture(params=["v1beta", "v1alpha", None], ids=["v1beta", "v1alpha", "default"])
def live(behind: Behind, pool: Pool, request: pytest.FixtureRequest) -> genai.Client:
    """Google's client, at each version of the API."""
    return behind.sdk(pool.token, request.param)
