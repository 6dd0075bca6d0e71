"""What the public port tells of itself."""

import subprocess
import sys

import httpx
import pytest

from services.edge.pages import Pages
from services.kit.health import Health


async def ask(path: str, *, method: str = "GET", health: Health | None = None) -> httpx.Response:
    transport = httpx.ASGITransport(Pages(health or Health()))
    async with httpx.AsyncClient(transport=transport, base_url="http://edge") as client:
        return await client.request(method, path)


@pytest.mark.parametrize("path", ["/readyz", "/health"])
async def test_readiness_names_the_part_that_is_away(path: str) -> None:
    health = Health("keypool", "accepting")
    health.report("accepting", well=True)

    before = await ask(path, health=health)
    health.report("keypool", well=True)
    after = await ask(path, health=health)

    assert before.status_code == 503
    assert before.json()["parts"] == {"keypool": "unavailable", "accepting": "ok"}
    assert after.status_code == 200
    assert after.json() == {"status": "ok", "parts": {"keypool": "ok", "accepting": "ok"}}


async def test_liveness_looks_at_nothing() -> None:
    answer = await ask("/livez", health=Health("keypool"))

    assert answer.status_code == 200
    assert answer.json() == {"status": "ok"}


async def test_the_docs_load_nothing_from_elsewhere() -> None:
    page, document = await ask("/docs/"), await ask("/openapi.json")

    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert document.json()["info"]["title"] in page.text


async def test_the_root_leads_to_the_docs() -> None:
    answer = await ask("/")

    assert (answer.status_code, answer.headers["location"]) == (307, "/docs")


async def test_what_is_not_there_is_said_in_json() -> None:
    absent, wrong_method = await ask("/nothing"), await ask("/docs", method="POST")

    assert absent.status_code == 404
    assert absent.json()["error"]["code"] == "unknown_url"
    assert wrong_method.status_code == 405
    assert wrong_method.headers["allow"] == "GET"


def test_an_edge_that_nobody_asks_holds_no_documents() -> None:
    program = (
        "import sys, services.edge.server; print('services.edge.openapi.document' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"
