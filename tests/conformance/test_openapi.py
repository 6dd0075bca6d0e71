"""schemathesis reads the document and tries what it says, and what it does not say."""

import subprocess
from pathlib import Path

import pytest

from tests.conformance.environments import python_environment
from tests.support.system import System, clean_environment

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
# It answers 501 on purpose: to tokens without the scope `raw`.
LEFT_OUT = "/v1beta/{collection}"


async def check(system: System, folder: Path, *options: str) -> None:
    """Run schemathesis with a token of its own; AssertionError with what it has found."""
    pool = await system.new_pool(20)
    schemathesis = python_environment("schemathesis").parent / "schemathesis"
    command = [str(schemathesis), "run", f"{system.url}/openapi.json", "--seed", "1"]
    command += ["--header", f"Authorization: Bearer {pool.token}", "--checks", ",".join(CHECKS)]
    command += ["--exclude-path", LEFT_OUT, "--continue-on-failure", "--no-color", *options]
    done = subprocess.run(
        command, cwd=folder, env=clean_environment(), capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


async def test_the_most_used_routes_keep_their_word(system: System, tmp_path: Path) -> None:
    await check(
        system,
        tmp_path,
        *("--phases", "examples,fuzzing", "--max-examples", "3", "--no-shrink"),
        *("--include-path-regex", r"^/(v1/|v1beta/(models|files)|upload/|livez|readyz|docs)"),
    )


@pytest.mark.conformance
@pytest.mark.timeout(900)
async def test_every_route_keeps_its_word(system: System, tmp_path: Path) -> None:
    await check(system, tmp_path, "--phases", "examples,coverage,fuzzing", "--max-examples", "20")
