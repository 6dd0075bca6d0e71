"""The first screen can be read and pasted."""

import shlex
import subprocess

import pytest

from services.cli import banner, secrets_store
from services.cli.banner import Welcome, curl_commands


def welcome(*, demo_token: str | None = None, has_tokens: bool = True) -> Welcome:
    return Welcome(
        url="http://127.0.0.1:8000",
        rows=(("edge", "http://127.0.0.1:8000", "http://127.0.0.1:9090"),),
        demo_token=demo_token,
        auth_token=None,
        has_tokens=has_tokens,
    )


def test_commands_fit_eighty_columns_and_a_shell() -> None:
    token = secrets_store._fresh().demo_token

    for command in curl_commands("http://127.0.0.1:65535", token):
        assert max(map(len, command.splitlines())) < 80
        assert shlex.split(command)[0] == "curl"
        subprocess.run(["sh", "-n", "-c", command], check=True)


def test_the_demo_says_so_first(capsys: pytest.CaptureFixture[str]) -> None:
    banner.show(welcome(demo_token="sk-demo-1"))

    shown = capsys.readouterr().out
    assert shown.startswith("DEMO: ")
    for command in curl_commands("http://127.0.0.1:8000", "sk-demo-1"):
        assert command in shown


def test_a_start_without_tokens_says_how_to_make_one(capsys: pytest.CaptureFixture[str]) -> None:
    banner.show(welcome(has_tokens=False))

    shown = capsys.readouterr().out
    assert "gemini-balance tokens create" in shown
    assert "DEMO" not in shown
    assert "Operator" not in shown
