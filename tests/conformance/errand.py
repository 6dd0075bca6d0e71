"""Lets an agent do its task in a folder of its own, cut off from the internet."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.conformance.agents import ANSWER, FAREWELL, NOTES, Agent
from tests.conformance.offline import offline_environment
from tests.conformance.page import Block, sections
from tests.conformance.running import Outcome, Result
from tests.support.client_programs import NODE
from tests.support.system import Pool, System

_SECONDS = 120
_TURNS = 3


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run of an agent ended.

    Attributes:
        code: Its exit code.
        output: Everything that it said.
        answer: What is in the file that it was to write; empty when there is none.
        word: What should be in it.
    """

    code: int
    output: str
    answer: str
    word: str


async def run_errand(agent: Agent, system: System, pool: Pool, folder: Path) -> Result:
    """Let an agent do its task, and then try it with a token that opens nothing."""
    log_bytes = system.process.log.stat().st_size
    done = await _run(agent, system, pool.token, folder / "task")
    routes = _routes_answered(system.process.log, log_bytes)
    async with system.control() as control:
        tally = await control.counts()
    streams = sum(tally.of(key).by_verb.get("streamGenerateContent", 0) for key in pool.keys)
    refused = await _run(agent, system, "sk-unknown", folder / "refused")

    turns = routes[agent.route]
    is_done = done.code == 0 and done.answer.strip() == done.word and turns >= _TURNS
    said = f"exit code {done.code}, wrote {done.answer!r}, served by {dict(routes)}: "
    said += done.output[-600:]
    outcomes = {
        "chat": Outcome(FAREWELL in done.output, done.output[-600:]),
        "stream": Outcome(streams >= _TURNS, f"{streams} streams"),
        "tools": Outcome(is_done, said),
        "error": Outcome(
            refused.code != 0 and "The token was refused" in refused.output,
            f"exit code {refused.code}: {refused.output[-600:]}",
        ),
        "agent": Outcome(is_done, said),
    }
    if agent.route == "responses":
        outcomes["responses"] = outcomes["stream"]
    return Result(agent, {agent.package: await asyncio.to_thread(agent.version)}, outcomes)


async def _run(agent: Agent, system: System, token: str, folder: Path) -> Ended:
    home, work = folder / "home", folder / "work"
    home.mkdir(parents=True)
    work.mkdir()
    word = f"quince-{secrets.token_hex(4)}"
    (work / NOTES).write_text(f"pears plums {word} figs\n", "utf-8")
    async with system.control() as control:
        await control.put_script(agent.script(work))
    commands: list[str] = []
    for block in sections()[agent.section]:
        text = block.filled(system.url, token)
        if block.file:
            _put(block, text, home, work)
        else:
            commands.append(text)
    found = await asyncio.to_thread(agent.commands, folder / "bin")
    code, output = await _bash("\n".join(commands), _environment(home, found), work)
    answer = work / ANSWER
    return Ended(code, output, answer.read_text("utf-8") if answer.exists() else "", word)


def _put(block: Block, text: str, home: Path, work: Path) -> None:
    where = home / block.file[2:] if block.file.startswith("~/") else work / block.file
    where.parent.mkdir(parents=True, exist_ok=True)
    where.write_text(text, "utf-8")


def _environment(home: Path, commands: list[Path]) -> dict[str, str]:
    path = os.pathsep.join(map(str, [*commands, NODE.parent, "/usr/bin", "/bin"]))
    return offline_environment() | {"HOME": str(home), "PATH": path}


async def _bash(code: str, environment: dict[str, str], folder: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        "bash",
        "-euo",
        "pipefail",
        "-c",
        code,
        cwd=folder,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(_SECONDS):
            out, _ = await process.communicate()
    except TimeoutError:
        return -1, f"it did not end within {_SECONDS} s"
    finally:
        # What it started and left behind goes with it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
    return process.returncode or 0, out.decode("utf-8", "replace")


def _routes_answered(log: Path, begin: int) -> Counter[str]:
    """Return how often each route has answered well, by what the edge says since then."""
    answered: Counter[str] = Counter()
    for line in log.read_bytes()[begin:].splitlines():
        if b'"request answered"' in line:
            told = json.loads(line)
            answered[told["route"]] += told["status"] == 200
    return answered
