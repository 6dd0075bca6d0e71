"""What people's clients do, over real sockets and with the clients themselves."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.conformance.agents import AGENTS, TASK
from tests.conformance.clients import CLIENTS, FEATURES, Client
from tests.conformance.errand import run_errand
from tests.conformance.page import sections
from tests.conformance.running import Result, run
from tests.conformance.snippets import run_snippets
from tests.conformance.table import DIALECTS, PAGE, render, table
from tests.support.system import Pool, System

CORE = [client for client in CLIENTS if client.is_core]
# One of each section and environment.
OTHERS = {(each.section, each.environment): each for each in CLIENTS if not each.is_core}.values()


@pytest.fixture
async def pool(system: System) -> Pool:
    return await system.new_pool(4)


@pytest.mark.parametrize("client", CORE, ids=lambda each: each.name)
async def test_a_client_of_the_core(system: System, pool: Pool, client: Client) -> None:
    result = await run(client, system, pool)

    assert not result.failures
    # A program that ends early says nothing of the rest.
    other = {
        "openai": {"count_tokens", "live"},
        "gemini": {"completions", "transcription", "responses"},
        "anthropic": set(FEATURES[FEATURES.index("completions") :]) | {"embeddings", "files"},
    }
    assert set(result.outcomes) == set(FEATURES) - other[client.dialect] - {"agent"}


@pytest.mark.parametrize("client", CORE, ids=lambda each: each.name)
async def test_what_is_shown_of_a_client_of_the_core(
    system: System, pool: Pool, client: Client, tmp_path: Path
) -> None:
    printed = await run_snippets(client, system, pool, tmp_path)

    assert "heard: hello" in printed


@pytest.mark.conformance
@pytest.mark.timeout(1200)
async def test_every_client(system: System, pool: Pool, tmp_path: Path) -> None:
    results: list[Result] = []
    for client in CLIENTS:
        result = await run(client, system, pool)
        results.append(result)
        _print(result)
    for agent in AGENTS:
        # A pool of its own tells its requests from those of others.
        own = await system.new_pool(4)
        result = await run_errand(agent, system, own, tmp_path / agent.name)
        results.append(result)
        _print(result)

    print(table(results))
    PAGE.write_text(render(results, datetime.now(UTC).date()), "utf-8")
    failures = {result.client.name: result.failures for result in results if result.failures}
    assert not failures


@pytest.mark.conformance
@pytest.mark.timeout(600)
async def test_what_is_shown_of_the_others(system: System, pool: Pool, tmp_path: Path) -> None:
    for client in OTHERS:
        assert (await run_snippets(client, system, pool, tmp_path)).strip(), client.name


def test_the_table_shows_every_client_and_feature() -> None:
    shown = PAGE.read_text("utf-8")

    rows = [line.split(" | ") for line in shown.splitlines() if line.startswith("| ")]
    listed = [[f"| {each.title}", DIALECTS[each.dialect]] for each in (*CLIENTS, *AGENTS)]
    assert [row[:2] for row in rows[2:]] == listed
    assert len(rows[0]) == 3 + len(FEATURES)


def test_every_client_is_shown_and_all_that_is_shown_runs() -> None:
    shown = sections()

    assert set(shown) == {each.section for each in (*CLIENTS, *AGENTS)}
    for client in CLIENTS:
        language = "javascript" if client.program.endswith(".mjs") else "python"
        assert {block.language for block in shown[client.section]} == {language}
    for agent in AGENTS:
        (commands,) = [block for block in shown[agent.section] if not block.file]
        assert commands.language == "sh"
        assert TASK in commands.code


def _print(result: Result) -> None:
    for feature, outcome in result.outcomes.items():
        print(json.dumps({"client": result.client.name, "feature": feature, "ok": outcome.ok}))
