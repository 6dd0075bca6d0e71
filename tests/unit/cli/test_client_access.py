"""Which system and which token the commands of clients use."""

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.cli import data_dir, run_file, secrets_store
from services.cli.client_access import ClientAccess, find_client_access
from services.cli.errors import CommandError
from services.cli.run_file import RunFile


@pytest.fixture(autouse=True)
def nothing_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("GEMINI_BALANCE_URL", "GEMINI_BALANCE_TOKEN", "ALLOWED_TOKENS", "DATA_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[RunFile]:
    """What a running demo leaves in its data folder."""
    folder = data_dir.prepare(tmp_path / ".data")
    running = RunFile(1, "http://127.0.0.1:8000", "", "", {}, {}, True, "")
    run_file.write(folder, running)
    with data_dir.lock(folder):
        yield running


def find(url: str = "", token: str = "", folder: Path | None = None) -> ClientAccess:
    return find_client_access(url=url, token=token, data_dir=folder)


def test_the_demo_here_gives_its_address_and_token(demo: RunFile, tmp_path: Path) -> None:
    found = find()

    assert found.url == demo.url
    assert found.token == secrets_store.load_or_create(tmp_path / ".data").demo_token
    assert found.is_local
    assert found.token not in repr(found)


def test_the_first_token_of_the_settings_serves_an_up_with_keys(
    demo: RunFile, tmp_path: Path
) -> None:
    run_file.write(tmp_path / ".data", dataclasses.replace(demo, demo=False))
    (tmp_path / ".env").write_text(f"ALLOWED_TOKENS={json.dumps(['sk-first', 'sk-next'])}\n")

    assert find().token == "sk-first"


def test_tokens_of_these_settings_never_go_elsewhere(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("ALLOWED_TOKENS=sk-first\n")

    with pytest.raises(CommandError, match="no client token"):
        find("https://elsewhere.example")


@pytest.mark.usefixtures("demo")
def test_what_is_named_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_BALANCE_URL", "https://set.example/gw/")
    monkeypatch.setenv("GEMINI_BALANCE_TOKEN", "sk-set")

    assert (find().url, find().token) == ("https://set.example/gw", "sk-set")
    assert not find().is_local
    named = find("https://named.example", "sk-named")
    assert (named.url, named.token) == ("https://named.example", "sk-named")


@pytest.mark.usefixtures("demo")
def test_a_named_data_folder_wins_over_an_address_that_is_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_BALANCE_URL", "https://set.example")

    assert find(folder=tmp_path / ".data").is_local


def test_without_a_token_one_line_says_how_to_make_one(demo: RunFile, tmp_path: Path) -> None:
    run_file.write(tmp_path / ".data", dataclasses.replace(demo, demo=False))

    with pytest.raises(CommandError, match=r"GEMINI_BALANCE_TOKEN.*tokens create") as error:
        find()

    assert error.value.exit_code == 2


def test_where_nothing_runs_one_line_says_what_to_do() -> None:
    with pytest.raises(CommandError, match="GEMINI_BALANCE_URL"):
        find(token="sk-token")


@pytest.mark.parametrize("token", ["sk-ü", "sk-\n"])
def test_a_token_that_no_header_can_carry_is_refused(token: str) -> None:
    with pytest.raises(CommandError, match="characters") as error:
        find("https://elsewhere.example", token)

    assert token not in str(error.value)
