"""The samples of the documents: found, filled in, and run."""

import asyncio
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.client_programs import CLIENTS, NODE, ROOT
from tests.support.system import Pool, System, clean_environment

DOCS = ROOT / "docs"

_BLOCK = re.compile(
    r"^```(?P<language>sh|python|javascript)\n(?P<code>.*?)^```\n"
    r"(?:```text\n(?P<shown>.*?)^```)?",
    re.MULTILINE | re.DOTALL,
)
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample of a page.

    Attributes:
        page: The file's name.
        line: Where it begins.
        language: `sh`, `python` or `javascript`.
        code: As it stands there.
        shown: What the page says that it prints; empty when it does not say.
    """

    page: str
    line: int
    language: str
    code: str
    shown: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    def filled(self, system: System, pool: Pool) -> str:
        """Return the code with this system's address and token."""
        text = self.code.replace("http://localhost:8000", system.url)
        return text.replace("sk-476939672", pool.token)

    def require_shown(self, output: str) -> None:
        """Require the output to hold each line that the page shows; `...` stands for anything."""
        for line in self.shown.splitlines():
            pattern = ".*".join(map(re.escape, line.split("...")))
            assert re.search(f"^{pattern}$", output, re.MULTILINE), f"{line!r} not in {output!r}"


def samples_of(page: str) -> Iterator[Sample]:
    """Yield the samples of a page of `docs`."""
    text = (DOCS / page).read_text("utf-8")
    for found in _BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        yield Sample(
            page,
            line,
            found["language"],
            found["code"],
            found["shown"] or "",
        )


async def run_sample(
    sample: Sample, code: str, folder: Path, env: Mapping[str, str] | None = None
) -> str:
    """Run a sample in a folder and return what it printed.

    Raises:
        AssertionError: It failed, or took too long.
    """
    if sample.language == "sh":
        command, cwd = ["bash", "-euo", "pipefail", "-c", code], folder
    elif sample.language == "python":
        command, cwd = [sys.executable, "-c", code], folder
    else:
        # Packages are found from where it runs, files from where it is told to be.
        moved = f"process.chdir({str(folder)!r});\n" + code
        command, cwd = [str(NODE), "--input-type=module", "-e", moved], CLIENTS
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env=clean_environment(**(env or {})),
    )
    try:
        async with asyncio.timeout(_SECONDS):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, f"{sample}: {out.decode()}\n{err.decode()}"
    return out.decode().replace("\r\n", "\n")
