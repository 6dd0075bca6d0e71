"""What people's clients do, over real sockets and with the clients themselves."""

import json
from datetime import UTC, datetime

import pytest

from tests.conformance.clients import CLIENTS, FEATURES, Client
from tests.conformance.running import Result, run
from tests.conformance.table import PAGE, render, table
from tests.support.system import Pool, System


@pytest.fixture
async def pool(system: System) -> Pool:
    return await system.new_pool(4)


@pytest.mark.parametrize(
    "client", [client for client in CLIENTS if client.is_core], ids=lambda each: each.name
)
async def test_a_client_of_the_core(system: System, pool: Pool, client: Client) -> None:
    result = await run(client, system, pool)

    assert not result.failures
    # A program that ends early says nothing of the rest.
    other = {"openai": {"count_tokens", "live"}, "gemini": {"completions", "transcription"}}
    assert set(result.outcomes) == set(FEATURES) - other[client.dialect]


@pytest.mark.conformance
@pytest.mark.timeout(1200)
async def test_every_client(system: System, pool: Pool) -> None:
    results: list[Result] = []
    for client in CLIENTS:
        result = await run(client, system, pool)
        for feature, outcome in result.outcomes.items():
            print(json.dumps({"client": client.name, "feature": feature, "ok": outcome.ok}))
        results.append(result)

    print(table(results))
    PAGE.write_text(render(results, datetime.now(UTC).date()), "utf-8")
    failures = {result.client.name: result.failures for result in results if result.failures}
    assert not failures


def test_the_page_shows_every_client_and_feature() -> None:
    shown = PAGE.read_text("utf-8")

    rows = [line.split(" | ")[:2] for line in shown.splitlines() if line.startswith("| ")]
    dialects = {"openai": "OpenAI", "gemini": "Gemini"}
    assert [[f"| {each.title}", dialects[each.dialect]] for each in CLIENTS] == rows[2:]
