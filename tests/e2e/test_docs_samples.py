"""The samples of the documents run as they stand there, but for the address and the token."""

from pathlib import Path

import pytest

from tests.support.doc_samples import Sample, run_sample, samples_of
from tests.support.reference import Engine
from tests.support.samples import write_sample
from tests.support.system import Pool, System

PAGES = (
    "OPENAI_COMPATIBLE_API.md",
    "ANTHROPIC_API_REFERENCE.md",
    "CHAT_API_REFERENCE.md",
    "FILES_API_REFERENCE.md",
    "migrate-from-gemini-balance.md",
)
PROGRAMS = [sample for page in PAGES for sample in samples_of(page)]
IN_PAGES = list(samples_of("FRONTEND_INTEGRATION_GUIDE.md"))
SOUND = b"RIFF\x2c\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00"
SOUND += b"\x80\x3e\x00\x00\x02\x00\x10\x00data\x08\x00\x00\x00" + bytes(8)


@pytest.fixture
async def pool(system: System) -> Pool:
    return await system.new_pool(3)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what the samples read."""
    write_sample(tmp_path / "photo.jpg", 300_000)
    (tmp_path / "notes.txt").write_text("apricots and figs\n", "utf-8")
    (tmp_path / "sound.wav").write_bytes(SOUND)
    return tmp_path


@pytest.mark.parametrize("sample", PROGRAMS, ids=str)
async def test_a_program(system: System, pool: Pool, folder: Path, sample: Sample) -> None:
    output = await run_sample(sample, sample.filled(system, pool), folder)

    assert output.strip() not in {"", "None"}
    sample.require_shown(output)


@pytest.mark.parametrize("sample", IN_PAGES, ids=str)
async def test_a_page(engine: Engine, system: System, pool: Pool, sample: Sample) -> None:
    result = await engine(sample.filled(system, pool))

    assert result
    sample.require_shown(result)


def test_every_language_is_found() -> None:
    assert {sample.language for sample in PROGRAMS} == {"sh", "python", "javascript"}
    assert {sample.language for sample in IN_PAGES} == {"javascript"}
