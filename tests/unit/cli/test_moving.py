"""What is taken of a gemini-balance installation, and what is not."""

import sqlite3
import sys
import types
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from dotenv import dotenv_values
from hypothesis import given
from hypothesis import strategies as st

from services.cli.errors import CommandError
from services.cli.known_settings import KNOWN, Fate
from services.cli.moving.database import read_database
from services.cli.moving.env_fragment import to_lines, write_new
from services.cli.moving.installation import Installation, read_env
from services.cli.moving.plan import Kind, Plan, make_plan, shown_key
from tests.support.old_installation import Uploaded, write_database

KEY_A, KEY_B, PAID = (f"AIzaSyMadeUpForTests-{letter * 12}" for letter in "abp")
TOKEN, MASTER = "sk-made-up-for-tests-client", "sk-made-up-for-tests-master"

ENV = f"""\
# API-related configuration
API_KEYS=["{KEY_A}","{KEY_B}"]
ALLOWED_TOKENS=["{TOKEN}"]
AUTH_TOKEN={MASTER}
PAID_KEY={PAID}
VERTEX_API_KEYS=["AQ.made-up-for-tests-vertex"]
SEARCH_MODELS=["gemini-2.0-flash-exp"]
CUSTOM_HEADERS={{"x-secret": "hush-hush"}}
PROXIES=[]
TIMEZONE=Asia/Shanghai
MYSQL_PASSWORD=hush-hush
SOMETHING_ELSE=1
TTS_MODEL=
"""


def plan_of(installation: Installation) -> Plan:
    return make_plan(installation, datetime.now(UTC))


def left(plan: Plan, kind: Kind) -> dict[str, str]:
    return {item.name: item.note for item in plan.items if item.kind is kind and not item.is_taken}


def test_an_env_file(tmp_path: Path) -> None:
    (tmp_path / "old.env").write_text(ENV)

    plan = plan_of(read_env(tmp_path / "old.env"))

    assert plan.keys == [KEY_A, KEY_B]
    assert [(token.text, token.scopes) for token in plan.tokens] == [
        (TOKEN, ("models", "files")),
        (MASTER, ("models", "files", "admin")),
    ]
    assert plan.settings == {
        "SEARCH_MODELS": '["gemini-2.0-flash-exp"]',
        "CUSTOM_HEADERS": '{"x-secret": "hush-hush"}',
        "PROXIES": "[]",
    } | ({"VERTEX_API_KEYS": '["AQ.made-up-for-tests-vertex"]'} if has_vertex() else {})
    assert left(plan, Kind.SETTING) | {"VERTEX_API_KEYS": ""} == {
        "MYSQL_PASSWORD": "not needed any more",
        "SOMETHING_ELSE": "not known",
        "TIMEZONE": "not needed any more",
        "VERTEX_API_KEYS": "",
    }
    [paid] = left(plan, Kind.KEY).items()
    assert paid[0] == shown_key(PAID)
    assert paid[1].startswith("PAID_KEY: ")


def has_vertex() -> bool:
    return KNOWN["VERTEX_API_KEYS"].fate is Fate.USED


def test_no_secret_is_shown(tmp_path: Path) -> None:
    (tmp_path / "old.env").write_text(ENV)

    plan = plan_of(read_env(tmp_path / "old.env"))

    shown = f"{plan} {plan.items}"
    for secret in (KEY_A, KEY_B, PAID, TOKEN, MASTER, "hush-hush", "made-up-for-tests-vertex"):
        assert secret not in shown
    assert shown_key("short") == "f9b0078b"


def test_a_first_token_that_was_the_operators_is_a_clients_here() -> None:
    settings = {"ALLOWED_TOKENS": f'["{TOKEN}"]', "AUTH_TOKEN": TOKEN}

    [token] = plan_of(Installation(settings)).tokens

    assert token.scopes == ("models", "files")


def test_what_cannot_be_a_key_or_a_token_stays_behind() -> None:
    settings = {"API_KEYS": f'["short", "{KEY_A}", "{KEY_A}"]', "ALLOWED_TOKENS": '["a b", "1"]'}

    plan = plan_of(Installation(settings))

    assert plan.keys == [KEY_A]
    assert [token.text for token in plan.tokens] == ["1"]
    assert [item.is_taken for item in plan.items] == [False, True, False, True]


@pytest.mark.parametrize(
    "value", [f'["{KEY_A}", "{KEY_B}"]', f"{KEY_A},{KEY_B}", f"['{KEY_A}', '{KEY_B}']"]
)
def test_lists_are_read_in_every_way_they_are_written(value: str) -> None:
    assert plan_of(Installation({"API_KEYS": value})).keys == [KEY_A, KEY_B]


def test_a_database_with_its_files(tmp_path: Path) -> None:
    files = [
        Uploaded("files/good", KEY_A, TOKEN),
        Uploaded("files/over", KEY_A, TOKEN, hours_left=-1),
        Uploaded("files/failed", KEY_A, TOKEN, state="FAILED"),
        Uploaded("files/strange-key", PAID, TOKEN),
        Uploaded("files/nobodys", KEY_A, None),
    ]
    settings: dict[str, object] = {
        "API_KEYS": [KEY_A],
        "ALLOWED_TOKENS": [TOKEN],
        "THINKING_BUDGET_MAP": {"gemini-2.5-flash": -1},
        "SHOW_SEARCH_LINK": "true",
        "TTS_MODEL": None,
    }

    url = write_database(tmp_path / "default_db", settings, files)
    plan = plan_of(read_database(url))

    assert plan.keys == [KEY_A]
    assert plan.settings == {
        "THINKING_BUDGET_MAP": '{"gemini-2.5-flash": -1}',
        "SHOW_SEARCH_LINK": "true",
    }
    assert [file.name for file in plan.files] == ["files/good"]
    assert left(plan, Kind.FILE) == {
        "files/over": "Google has dropped it",
        "files/failed": "it was not uploaded to its end",
        "files/strange-key": "its key is none of these",
        "files/nobodys": "its client's token is none of these",
    }


def test_rows_win_over_the_env_file(tmp_path: Path) -> None:
    (tmp_path / "old.env").write_text(ENV)
    write_database(tmp_path / "db", {"API_KEYS": [KEY_B], "TEST_MODEL": "gemini-2.5-flash"}, None)

    both = read_env(tmp_path / "old.env").under(read_database(str(tmp_path / "db")))
    plan = plan_of(both)

    assert plan.keys == [KEY_B]
    assert plan.settings["TEST_MODEL"] == "gemini-2.5-flash"
    assert [token.text for token in plan.tokens] == [TOKEN, MASTER]


def test_reading_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "db"
    write_database(path, {"API_KEYS": [KEY_A]})
    path.chmod(0o400)
    before = path.read_bytes()

    read_database(str(path))

    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["db"]


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("sqlite:///nowhere.db", "nowhere.db is no file"),
        ("postgresql://u:hush-hush@host/db", "give sqlite:///FILE"),
        ("sqlite://host/db", "give sqlite:///FILE"),
        ("mysql+aiomysql://u:hush-hush@host/db", "pip install pymysql"),
    ],
)
def test_an_address_that_cannot_be_read_is_one_clear_line(url: str, said: str) -> None:
    with pytest.raises(CommandError, match=said) as refused:
        read_database(url)

    assert "hush-hush" not in str(refused.value)
    assert refused.value.exit_code == 2


def test_another_products_database_is_refused(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "other.db") as connection:
        connection.execute("create table x (y)")
    (tmp_path / "no.db").write_text("not a database at all, but long enough to be looked at" * 9)

    for name in ("other.db", "no.db"):
        with pytest.raises(CommandError, match="cannot be read as one of gemini-balance"):
            read_database(str(tmp_path / name))


def test_mysql_is_read_through_its_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_database(tmp_path / "db", {"API_KEYS": [KEY_A]}, [Uploaded("files/a", KEY_A, None)])
    asked: list[dict[str, Any]] = []

    def connect(**how: Any) -> sqlite3.Connection:
        asked.append(how)
        return sqlite3.connect(tmp_path / "db")

    driver = types.ModuleType("pymysql")
    vars(driver).update(Error=sqlite3.Error, connect=connect)
    monkeypatch.setitem(sys.modules, "pymysql", driver)

    found = read_database("mysql+aiomysql://gemini:p%40ss@db.example:3307/default_db")

    assert asked == [
        {
            "host": "db.example",
            "port": 3307,
            "user": "gemini",
            "password": "p@ss",
            "database": "default_db",
        }
    ]
    assert found.settings == {"API_KEYS": f'["{KEY_A}"]'}
    assert [file.name for file in found.files] == ["files/a"]


@given(
    st.dictionaries(
        st.from_regex(r"\A[A-Z][A-Z_]{0,20}\Z"),
        st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0$"), min_size=1),
    )
)
def test_settings_are_read_back_as_they_were_written(
    tmp_path_factory: pytest.TempPathFactory, settings: dict[str, str]
) -> None:
    path = tmp_path_factory.mktemp("env") / "out.env"
    path.write_text(to_lines(settings), "utf-8", newline="")

    assert dotenv_values(path) == settings


def test_a_value_that_would_be_read_as_something_else_is_left() -> None:
    plan = plan_of(Installation({"BASE_URL": "https://${HOST}/v1beta"}))

    assert not plan.settings
    assert "by hand" in left(plan, Kind.SETTING)["BASE_URL"]


def test_no_file_is_overwritten_and_none_but_the_owner_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "imported.env"
    write_new(path, {"BASE_URL": "https://a.example"})

    assert path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(CommandError, match="is there already"):
        write_new(path, {})
    with pytest.raises(CommandError, match="cannot be written"):
        write_new(tmp_path / "nowhere" / "x", {})


def test_an_env_file_that_says_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.env").write_text("# nothing\n")
    (tmp_path / "odd.env").write_bytes(b"A=\xff\xfe\n")

    for name in ("empty.env", "odd.env", "nowhere.env"):
        with pytest.raises(CommandError):
            read_env(tmp_path / name)
