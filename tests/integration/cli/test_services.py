"""Single services, run by their command."""

import socket
from pathlib import Path

import pytest

from tests.integration.cli.running import run_command

CREDENTIALS = '[{"name": "edge", "secret": "0123456789abcdef", "scopes": ["files"]}]'


@pytest.mark.parametrize(
    ("service", "missing"),
    [
        ("edge", ["SERVICE_CREDENTIAL", "KEYPOOL_TARGET"]),
        ("keypool", ["SERVICE_CREDENTIALS", "REDIS_URL", "ENCRYPTION_KEY"]),
        (
            "files",
            [
                "SERVICE_CREDENTIAL",
                "SERVICE_CREDENTIALS",
                "REDIS_URL",
                "ENCRYPTION_KEY",
                "KEYPOOL_TARGET",
            ],
        ),
    ],
)
def test_what_a_service_needs_is_named_a_line_each(
    tmp_path: Path, service: str, missing: list[str]
) -> None:
    done = run_command(tmp_path, service)

    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        f"gemini-balance {service}: {name} is not set" for name in missing
    ]


def test_a_bad_value_is_one_line(tmp_path: Path) -> None:
    done = run_command(tmp_path, "simulator", SIMULATOR_PORT="abc")

    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("gemini-balance simulator: SIMULATOR_PORT: ")


def test_the_exit_code_of_a_service_is_passed_on(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        done = run_command(
            tmp_path,
            "files",
            OPS_HOST="127.0.0.1",
            OPS_PORT=str(server.getsockname()[1]),
            REDIS_URL="redis://127.0.0.1:1",
            SERVICE_CREDENTIALS=CREDENTIALS,
            ENCRYPTION_KEY="0123456789abcdef",
            KEYPOOL_TARGET="127.0.0.1:1",
            SERVICE_CREDENTIAL="0123456789abcdef",
        )

    assert done.returncode == 1
    assert "Traceback" not in done.stderr


def test_an_unknown_command_is_refused(tmp_path: Path) -> None:
    assert run_command(tmp_path, "nonsense").returncode == 2
