"""Collections that nothing is known of, for tokens that may use them."""

import secrets
from collections.abc import AsyncIterator

import httpx
import pytest
from gemini_balance.keypool.v1 import admin_pb2 as pb

from tests.support.system import Pool, System
from tests.support.two_clients import FLASH, Two


@pytest.fixture
async def raw(system: System, two: Two) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the same pool whose token may reach any collection."""
    async with system.admin() as admin:
        request = pb.CreateTokenRequest(
            name=f"raw-{secrets.token_hex(4)}",
            pool=two.pool.name,
            scopes=["models", "files", "raw"],
        )
        token = await admin.call("CreateToken", request)
    system.secrets.append(token.secret)
    async with system.client(Pool(two.pool.name, token.secret, two.pool.keys)) as client:
        yield client


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/v1beta/%66iles/NAME", 400),
        ("/v1beta/cached%43ontents", 400),
        ("/v1beta/files;x", 400),
        ("/v1beta//files/NAME", 400),
        ("/v1beta/agents/", 400),
        ("/download/v1beta/%66iles/NAME:download", 400),
        (f"/v1beta/%6dodels/{FLASH}:generateContent", 400),
        (f"/v1beta/models/{FLASH}/files/NAME", 501),
        ("/v1beta/environments/e", 501),
        ("/download/v1beta/cachedContents/c", 501),
        ("/download/v1beta/corpora", 501),
        ("/v1beta/dynamic/d", 501),
        ("/v1beta/corpora:anything", 501),
        ("/v1beta/cachedContents:anything", 501),
    ],
)
async def test_what_belongs_to_somebody_is_not_reached(
    two: Two, raw: httpx.AsyncClient, path: str, status: int
) -> None:
    file = (await two.upload()).removeprefix("files/")
    before = await two.sent()

    answers = [await raw.request(how, path.replace("NAME", file)) for how in ("GET", "POST")]

    assert {answer.status_code for answer in answers} == {status}
    assert await two.sent() == before


async def test_what_it_names_must_be_the_clients_own(two: Two, raw: httpx.AsyncClient) -> None:
    foreign = await two.upload()
    before = await two.sent()

    theirs = await raw.post("/v1beta/agents", json={"source": foreign})
    sent_for_nothing = await two.sent() - before
    mine = await raw.post("/v1beta/agents", json={"source": await two.upload(by=raw)})

    assert theirs.status_code == 403
    assert sent_for_nothing == 0
    assert mine.status_code == 404, "the upstream knows no agents"
    assert (await two.last_request()).path.endswith("/v1beta/agents")
