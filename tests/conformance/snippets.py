"""Runs what the page about clients shows for an SDK, among the packages of that SDK."""

import asyncio
from pathlib import Path

from tests.conformance.clients import Client
from tests.conformance.offline import offline_environment
from tests.conformance.page import sections
from tests.support.system import Pool, System

_SECONDS = 90


async def run_snippets(client: Client, system: System, pool: Pool, folder: Path) -> str:
    """Run the snippets of a client's section and return what they print.

    Raises:
        AssertionError: One failed, or took too long.
    """
    command, home = await asyncio.to_thread(client.inline)
    printed = ""
    for block in sections()[client.section]:
        process = await asyncio.create_subprocess_exec(
            *command,
            block.filled(system.url, pool.token),
            cwd=home or folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=offline_environment(),
        )
        try:
            async with asyncio.timeout(_SECONDS):
                out, err = await process.communicate()
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert process.returncode == 0, f"{client.section}: {out.decode()}\n{err.decode()}"
        printed += out.decode()
    return printed
