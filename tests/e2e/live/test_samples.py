"""The samples of the page run as they stand there, but for the addresses and the token."""

from pathlib import Path

import pytest

from tests.e2e.live.conftest import Behind
from tests.support.doc_samples import Sample, run_sample, samples_of
from tests.support.system import Pool, System

SAMPLES = list(samples_of("live.md"))


@pytest.mark.parametrize("sample", SAMPLES, ids=str)
async def test_a_sample(
    system: System, behind: Behind, pool: Pool, tmp_path: Path, sample: Sample
) -> None:
    code = sample.filled(system, pool).replace("https://gemini-balance.example.com", behind.url)

    told = await run_sample(sample, code, tmp_path, {"SSL_CERT_FILE": str(behind.front.ca_file)})

    assert "你好" in told.replace("\n", "")


def test_both_languages_are_there() -> None:
    assert {sample.language for sample in SAMPLES} == {"javascript", "python"}
