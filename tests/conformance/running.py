"""Runs a client against a running system and tells what it could do."""

import asyncio
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.agents import Agent
from tests.conformance.clients import Client
from tests.support.client_programs import run_client
from tests.support.live import Front
from tests.support.system import Pool, System


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a feature went, and what the program says of it."""

    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class Result:
    """What one client did.

    Attributes:
        client: Which.
        versions: Of the packages that it consists of.
        outcomes: By feature; a feature that it does not have is absent.
    """

    client: Client | Agent
    versions: dict[str, str]
    outcomes: dict[str, Outcome]

    @property
    def failures(self) -> dict[str, str]:
        """What went wrong, by feature."""
        return {name: each.detail for name, each in self.outcomes.items() if not each.ok}


async def run(client: Client, system: System, pool: Pool) -> Result:
    """Run a client's program; its environment is made first if it is not there."""
    program, *arguments = await asyncio.to_thread(client.command)
    with tempfile.TemporaryDirectory() as folder:
        front = Front(system.url, Path(folder))
        async with front.running() as live_url:
            head, *lines = await run_client(
                Path(program),
                *arguments,
                system.url,
                client.dialect,
                stdin=pool.token,
                env={"LIVE_URL": live_url, "LIVE_CA_FILE": str(front.ca_file)},
            )
    outcomes = {line["feature"]: Outcome(line["ok"], line["detail"]) for line in lines}
    return Result(client, head["versions"], outcomes)
