"""The environment wins over `.env`; empty is unset; files hold secrets."""

from pathlib import Path

import pytest

from services.cli.dotenv_file import read_given
from services.cli.errors import CommandError


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("HTTP_PORT=1\nBASE_URL='http://file'\n")

    given = read_given(tmp_path, {"HTTP_PORT": "2"})

    assert given.get("HTTP_PORT") == "2"
    assert given.get("BASE_URL") == "http://file"
    assert given.dotenv_names == {"HTTP_PORT", "BASE_URL"}


def test_names_may_be_lower_case_and_empty_values_do_not_count(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("base_url=http://file\nAUTH_TOKEN=\nAPI_KEYS\n")

    given = read_given(tmp_path, {})

    assert given.get("BASE_URL") == "http://file"
    assert given.get("AUTH_TOKEN") is None
    assert given.dotenv_names == {"BASE_URL"}
    assert given.emptied == {"AUTH_TOKEN", "API_KEYS"}


def test_a_value_from_anywhere_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("BASE_URL=http://file\nAUTH_TOKEN=\n")

    given = read_given(tmp_path, {"BASE_URL": "", "AUTH_TOKEN": "x", "API_KEYS": ""})

    assert given.get("BASE_URL") == "http://file"
    assert given.emptied == {"API_KEYS"}


def test_a_missing_file_gives_the_environment_alone(tmp_path: Path) -> None:
    assert read_given(tmp_path, {"A": "1"}).values == {"A": "1"}


def test_a_secret_is_read_from_the_file_that_is_named(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("sk-from-file\n")

    given = read_given(tmp_path, {"AUTH_TOKEN_FILE": str(tmp_path / "token")})

    assert given.get("AUTH_TOKEN") == "sk-from-file"


def test_a_file_that_is_not_there_is_a_bad_setting(tmp_path: Path) -> None:
    given = read_given(tmp_path, {"AUTH_TOKEN_FILE": str(tmp_path / "none")})

    with pytest.raises(CommandError, match="AUTH_TOKEN_FILE: No such file") as caught:
        given.get("AUTH_TOKEN")
    assert caught.value.exit_code == 2


def test_parts_are_given_absolute_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    given = read_given(tmp_path, {"AUTH_TOKEN_FILE": "token", "API_KEYS": "a,b", "OTHER": "x"})

    assert given.subset(["AUTH_TOKEN", "API_KEYS", "BASE_URL"]) == {
        "AUTH_TOKEN_FILE": str(tmp_path / "token"),
        "API_KEYS": "a,b",
    }


def test_a_file_in_another_encoding_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff\xfe\n")

    with pytest.raises(CommandError, match="cannot be read"):
        read_given(tmp_path, {})


def test_values_do_not_show(tmp_path: Path) -> None:
    assert "secret" not in repr(read_given(tmp_path, {"AUTH_TOKEN": "secret"}))
