"""Files with Google's own SDKs: Python's newest major, the one before, and JavaScript's in Node."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.browser import Browser
from tests.support.client_programs import CLIENTS, NODE, PYTHON_GENAI_2, PYTHON_GENAI_3, run_client
from tests.support.reference import BYTES, start_sdk
from tests.support.samples import write_sample
from tests.support.system import System

MIB = 1024 * 1024
SIZES = (0, 1, 8 * MIB - 1, 8 * MIB, 8 * MIB + 1, 100 * MIB)
PYTHON = str(CLIENTS / "genai_files.py")
JAVASCRIPT = str(CLIENTS / "genai_files.js")


@dataclass(frozen=True)
class Sample:
    """A file to upload."""

    path: Path
    sha256: str


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Sample]:
    folder = tmp_path_factory.mktemp("samples")
    paths = {size: folder / f"{size}.txt" for size in SIZES}
    return {size: Sample(path, write_sample(path, size)) for size, path in paths.items()}


async def use_files(
    system: System, program: Path, script: str, samples: Mapping[int, Sample]
) -> list[dict[str, Any]]:
    """Run a program about the files and return what it said after it has named its version."""
    pool = await system.new_pool(3)
    paths = [str(sample.path) for sample in samples.values()]
    version, *said = await run_client(program, script, system.url, *paths, stdin=pool.token)
    expected = {PYTHON_GENAI_3: "3.", PYTHON_GENAI_2: "2.", NODE: "v24."}[program]
    assert next(iter(version.values())).startswith(expected)
    return said


def require_whole(uploaded: list[dict[str, Any]], samples: Mapping[int, Sample]) -> None:
    """Require Google to have hashed what lies here."""
    told = [base64.b64decode(file["sha256_hash"]).hex() for file in uploaded]
    assert told == [sample.sha256 for sample in samples.values()]
    assert [file["size"] for file in uploaded] == list(samples)
    assert {file["state"] for file in uploaded} == {"ACTIVE"}
    assert {file["mime_type"] for file in uploaded} == {"text/plain"}


def require_the_rest(said: list[dict[str, Any]], uploaded: list[dict[str, Any]]) -> None:
    """Require what followed the uploads: a chat about one, and the life of all."""
    answer, listed, got, gone, left = said
    assert "marzipan" in answer["answer"]
    # The newest first, over pages of four.
    assert listed["listed"] == [file["name"] for file in reversed(uploaded)]
    assert got["got"] in uploaded
    assert got["got"]["size"] == 1
    assert gone["gone"] == 403
    assert left == {"left": []}


@pytest.mark.parametrize("program", [PYTHON_GENAI_3, PYTHON_GENAI_2], ids=["genai-3", "genai-2"])
async def test_python(system: System, samples: dict[int, Sample], program: Path) -> None:
    said = await use_files(system, program, PYTHON, samples)

    uploaded = [facts["uploaded"] for facts in said if "uploaded" in facts]
    require_whole(uploaded, samples)
    require_the_rest(said[len(SIZES) :], uploaded)


async def test_javascript(system: System, samples: dict[int, Sample]) -> None:
    said = await use_files(system, NODE, JAVASCRIPT, samples)

    # Its SDK sends no byte of an empty file, then misses the answer to it.
    refused, *said = said
    assert refused["failed"] == str(samples[0].path)
    assert "Unexpected end of JSON input" in refused["message"]
    sized = {size: sample for size, sample in samples.items() if size}
    uploaded = [facts["uploaded"] for facts in said if "uploaded" in facts]
    require_whole(uploaded, sized)
    require_the_rest(said[len(sized) :], uploaded)


async def test_javascript_in_a_browser(system: System, browser: Browser) -> None:
    pool = await system.new_pool(2)

    said = await browser.run(f"""
        {start_sdk(system, pool)}
        {BYTES}
        const file = await ai.files.upload({{ file: new Blob([bytes], {{ type: 'video/mp4' }}) }});
        const answer = await ai.models.generateContent({{
          model: 'gemini-2.5-flash',
          contents: [
            {{ text: 'please repeat sorbet' }},
            {{ fileData: {{ fileUri: file.uri, mimeType: file.mimeType }} }},
          ],
        }});
        await ai.files.delete({{ name: file.name }});
        return {{ sha256, file, answer: answer.text }};
    """)

    assert base64.b64decode(said["file"]["sha256Hash"]).hex() == said["sha256"]
    assert said["file"]["mimeType"] == "video/mp4"
    assert "sorbet" in said["answer"]
